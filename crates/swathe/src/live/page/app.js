// The page: of a run that goes on, of a report, of a file.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
let view = null;
let map = null;
let store = null;
let outlines = true;
/** Whether a person has set the ends of the colour bar. */
let fixed = false;
/** Whether somebody has chosen a step. */
let touched = false;

/** A relative address, so that the page works behind a proxy's prefix. */
function link(path, query = {}) {
  const all = new URLSearchParams(query);
  if (token) all.set("token", token);
  const text = all.toString();
  return text ? path + "?" + text : path;
}

function show(id, yes) {
  $(id).hidden = !yes;
}

function list(id, pairs) {
  const target = $(id);
  const items = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  // The same terms as before keep their nodes, so that a selection in them stays.
  const terms = [...target.querySelectorAll("dt")].map((node) => node.textContent).join("\n");
  if (terms !== items.map(([name]) => name).join("\n")) {
    target.replaceChildren(...items.flatMap(([name, , kind]) => {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      if (kind) value.className = kind;
      return [term, value];
    }));
  }
  const values = target.querySelectorAll("dd");
  items.forEach(([, value], i) => {
    if (values[i].textContent !== String(value)) values[i].textContent = value;
  });
}

// ---- the map -------------------------------------------------------------------------------------

function startMap(description, source) {
  map = description;
  store = source;
  $("waiting").textContent = "";
  view = new MapView($("map"), map, store, said);
  window.swathe = { view, store, map };
  const layers = $("layer");
  layers.replaceChildren(...map.layers.map((layer, i) => new Option(layer.name, i)));
  show("layer-label", map.layers.length > 1);
  const palettes = Object.keys(data.palettes);
  $("palette").replaceChildren(...palettes.map((name) => new Option(name)));
  show("outlines-label", data.mode === "live");
  $("map").parentNode.style.aspectRatio = `${map.columns} / ${map.rows}`;
  nameSteps();
  chooseLayer(0);
  if (data.mode !== "report") finerCoast();
  if (data.mode === "serve" && map.steps.length > 1) firstWithValues();
}

/** The first windows of time may have nothing to show. */
async function firstWithValues() {
  try {
    const answer = await fetch(link("opening"));
    const { step } = await answer.json();
    if (step > 0 && !touched) chooseStep(step);
  } catch {
    // The first one stays.
  }
}

async function finerCoast() {
  try {
    const answer = await fetch(link("coast"));
    if (answer.ok) map.coast = await answer.json();
    view.draw();
  } catch {
    // The coarser one stays.
  }
}

function nameSteps() {
  show("times", map.steps.length > 1);
  $("step").max = Math.max(map.steps.length - 1, 0);
  nameStep();
}

function chooseLayer(i) {
  view.layer = i;
  fixed = false;
  const layer = map.layers[i];
  $("layer").value = i;
  $("palette").value = layer.palette;
  $("log").checked = layer.log;
  rescale();
}

function nameStep() {
  const name = map.steps[view ? view.step : 0] || "";
  $("step-name").textContent = name;
  $("step").setAttribute("aria-valuetext", name);
}

function chooseStep(i) {
  view.step = Math.min(Math.max(i, 0), map.steps.length - 1);
  $("step").value = view.step;
  nameStep();
  if (view.unscaled && !fixed) rescale();
  else drawAside();
  view.draw();
  view.read(false);
}

/** Ends of the colour bar: what was set, what the file says, or from the values that are there. */
function limits(layer, log) {
  if (layer.low !== null && layer.high !== null) return [layer.low, layer.high];
  const all = store.sample(view.layer, view.step);
  const some = [];
  if (all) {
    const skip = Math.max(1, Math.floor(all.length / 20000));
    for (let i = 0; i < all.length; i += skip) {
      if (all[i] === all[i] && (!log || all[i] > 0)) some.push(all[i]);
    }
    // A few values among many missing ones may all be stepped over.
    if (some.length < 50) {
      some.length = 0;
      for (const v of all) if (v === v && (!log || v > 0)) some.push(v);
    }
  }
  if (!some.length) return null;
  some.sort((a, b) => a - b);
  const at = (share) => some[Math.min(some.length - 1, Math.round(share * (some.length - 1)))];
  return layer.role === "value" ? [at(0.02), at(0.98)] : [Math.min(0, at(0)), at(1)];
}

function rescale() {
  const layer = map.layers[view.layer];
  const log = $("log").checked;
  let [low, high] = [parseFloat($("low").value), parseFloat($("high").value)];
  if (!fixed || !(low < high)) {
    const found = limits(layer, log);
    view.unscaled = !found;
    [low, high] = found || [log ? 0.01 : 0, 1];
    $("low").value = shown(low);
    $("high").value = shown(high);
  }
  view.recolour(new Scale(low, high, log), palette(data.palettes[$("palette").value]));
  drawColours();
  drawAside();
}

function drawColours() {
  const { context, width, ink } = prepared($("colours"));
  if (!width || !view.colours) return;
  const layer = map.layers[view.layer];
  for (let i = 0; i < 256; i++) {
    context.fillStyle = `rgb(${view.colours[3 * i]},${view.colours[3 * i + 1]},${view.colours[3 * i + 2]})`;
    context.fillRect(6 + (i / 256) * (width - 12), 0, (width - 12) / 256 + 1, 12);
  }
  context.fillStyle = ink("--quiet");
  context.textAlign = "center";
  let last = -100;
  for (const tick of view.scale.ticks(Math.floor(width / 50))) {
    const x = 6 + view.scale.place(tick) * (width - 12);
    const text = shown(tick);
    const half = context.measureText(text).width / 2;
    if (x - half < last + 4) continue;
    context.fillRect(x - 0.5, 12, 1, 3);
    const at = Math.min(Math.max(x, half), width - half);
    context.fillText(text, at, 25);
    last = at + half;
  }
  context.textAlign = "left";
  context.fillText(layer.label + (layer.units ? " [" + layer.units + "]" : ""), 6, 38);
}

/** Where a cell is, in words. */
function placeOf(row, column, place) {
  let x = map.x[0] + (column + 0.5) * map.x[1];
  let y = map.y[0] + (row + 0.5) * map.y[1];
  if (!map.lonlat && !place) return `x ${shown(x)}, y ${shown(y)}`;
  if (!map.lonlat) [x, y] = place;
  const lon = ((((x + 180) % 360) + 360) % 360) - 180;
  const digits = map.lonlat ? Math.max(2, Math.min(5, Math.ceil(-Math.log10(Math.abs(map.x[1]))) + 1)) : 3;
  return `${Math.abs(y).toFixed(digits)}° ${y < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(digits)}° ${lon < 0 ? "W" : "E"}`;
}

let asked = null;
function said(cell, aloud) {
  const line = $("readout");
  if (!cell) {
    line.textContent = "Point at a cell to read it; arrow keys, + and − move the map.";
    return;
  }
  const { row, column } = cell;
  const write = (values, exact, place) => {
    const parts = map.layers.map((layer, i) => [layer, values[i]]).filter(([layer], i) => i === view.layer || layer.read);
    const bold = document.createElement("b");
    const [main, value] = [map.layers[view.layer], values[view.layer]];
    const units = (layer, v) => (v === v && v !== null && v !== undefined && layer.units && layer.units !== "1" ? " " + layer.units : "");
    bold.textContent = `${main.name} ${shown(value)}${units(main, value)}`;
    const others = parts.filter(([layer]) => layer !== main).map(([layer, v]) => `${layer.short || layer.name} ${shown(v)}`);
    const span = 1 << (exact ? 0 : store.level ?? 0);
    const cells = exact || span === 1 ? "" : ` · ${map.mean ? "mean of" : "one of"} ${span} × ${span} cells`;
    const rest = document.createElement("span");
    rest.textContent = (others.length ? " · " + others.join(" · ") : "") + ` · ${placeOf(row, column, place)} · row ${row}, column ${column}${cells}`;
    line.replaceChildren(bold, rest);
    if (aloud) $("spoken").textContent = line.textContent;
  };
  write(map.layers.map((_, i) => store.at(i, view.step, row, column)), false);
  if (data.mode !== "serve") return;
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const step = view.step;
    try {
      const answer = await fetch(link("cell", { layer: view.layer, step, row, column }));
      if (!answer.ok || view.step !== step) return;
      const exact = await answer.json();
      const values = map.layers.map((_, i) => store.at(i, step, row, column));
      for (const [i, value] of exact.values) values[i] = value ?? NaN;
      write(values, true, exact.place);
    } catch {
      // The server is gone: what is drawn stays.
    }
  }, aloud ? 0 : 60);
}

// ---- beside the map ------------------------------------------------------------------------------

function drawAside() {
  if (!view || !view.colours) return;
  const summaries = data.summaries;
  if (!summaries) return;
  const summary = summaries[view.layer] && summaries[view.layer][Math.min(view.step, summaries[view.layer].length - 1)];
  show("histogram-card", !!summary && summary.count > 0);
  if (summary && summary.count > 0) {
    drawHistogram($("histogram"), ...rebinned(summary, view.scale), view.scale, view.colours);
    list("statistics", [
      ["cells with a value", summary.count.toLocaleString("en") + ` (${((100 * summary.count) / (map.rows * map.columns)).toFixed(1)} %)`],
      ["smallest", shown(summary.smallest)], ["median", shown(summary.median)],
      ["mean of the cells", shown(summary.mean)], ["largest", shown(summary.largest)],
    ]);
  }
  const series = summaries[view.layer] || [];
  show("series-card", series.length > 1);
  if (series.length > 1) {
    const points = series.map((one, i) => [map.times[i] ?? i, one.count ? one.mean : NaN]);
    const times = (t) => (t > 1e6 ? new Date(t * 1000).toISOString().slice(0, 10) : String(t));
    drawLine($("series"), points, { write: shown, fill: false, times });
    $("series-now").textContent = "mean of the cells with a value";
  }
}

/** The finely binned counts of a summary in bars between the ends of the colour bar. */
function rebinned(summary, scale) {
  const bars = 48;
  const edges = Array.from({ length: bars + 1 }, (_, i) => scale.value(i / bars));
  const counts = new Array(bars).fill(0);
  for (let i = 0; i < summary.bins.length; i += 2) {
    // Values are told to four digits: one at an end of the colour bar may come out beyond it.
    const place = scale.place(summary.bins[i]);
    const at = Math.min(Math.max(Math.floor(place * bars), 0), bars - 1);
    if (place > -0.002 && place < 1.002) counts[at] += summary.bins[i + 1];
  }
  return [counts, edges];
}

function granuleRows(granules) {
  const body = $("granules").tBodies[0];
  for (const granule of granules) {
    let row = body.rows[granule.row];
    while (!row) {
      row = body.insertRow();
      for (let i = 0; i < 4; i++) row.insertCell();
      row = body.rows[granule.row];
    }
    const look = STATES[granule.state];
    row.cells[0].textContent = granule.row + 1;
    row.cells[1].textContent = `${MARKS[granule.state] || ""} ${look ? look.word : granule.state}`;
    row.cells[1].className = "state";
    row.cells[1].style.color = look ? `var(${look.colour})` : "";
    row.cells[2].textContent = granule.name;
    row.cells[3].textContent = granule.reason;
    row.dataset.state = granule.state;
  }
}

function status(kind, text) {
  const node = $("status");
  node.dataset.kind = kind;
  if (node.textContent !== text) node.textContent = text;
}

// ---- starting ------------------------------------------------------------------------------------

$("layer").addEventListener("change", (event) => chooseLayer(Number(event.target.value)));
for (const id of ["palette", "log"]) $(id).addEventListener("change", () => view && rescale());
for (const id of ["low", "high"]) {
  $(id).addEventListener("change", () => {
    fixed = true;
    if (view) rescale();
  });
}
$("outlines").addEventListener("change", (event) => {
  if (!view) return;
  view.showOutlines = event.target.checked;
  view.draw();
});
$("zoom-in").addEventListener("click", () => view && view.zoomAt(1.6));
$("zoom-out").addEventListener("click", () => view && view.zoomAt(1 / 1.6));
$("fit").addEventListener("click", () => view && view.fit());
const touch = (i) => {
  touched = true;
  chooseStep(i);
};
$("step").addEventListener("input", (event) => touch(Number(event.target.value)));
$("step-back").addEventListener("click", () => touch(view.step - 1));
$("step-on").addEventListener("click", () => touch(view.step + 1));
$("span").addEventListener("change", redraw);
// Only who looks at the graph has it drawn.
$("graph-more").addEventListener("toggle", () => {
  if ($("graph-more").open && !$("graph").hasAttribute("src")) $("graph").src = link("graph");
});
$("graph").addEventListener("error", () => {
  show("graph", false);
  show("graph-gone", true);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);

function redraw() {
  if (view) {
    view.draw();
    drawColours();
    drawAside();
  }
  if (data.mode === "live") drawLive();
}

function about() {
  $("title").textContent = data.title;
  document.title = data.title;
  $("subtitle").textContent = data.subtitle || "";
  $("footer").textContent = "Swathe " + data.version;
  if (data.about) {
    list("about", data.about);
    show("about-card", true);
  }
}

/** Numbers of a report: deflated, the bytes of each rank together, in base64. */
async function unpacked(text, count) {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const ranks = new Uint8Array(await new Response(stream).arrayBuffer());
  const out = new Uint8Array(4 * count);
  for (let rank = 0; rank < 4; rank++) {
    for (let i = 0; i < count; i++) out[4 * i + rank] = ranks[rank * count + i];
  }
  return new Float32Array(out.buffer);
}

async function report() {
  STATES.used.word = "used";
  const held = new Held(data.map);
  for (const one of data.rasters) {
    const values = await unpacked(one.values, held.rows * held.columns);
    held.put(one.layer, one.step, 0, 0, held.rows, held.columns, values);
  }
  startMap(data.map, held);
  // The first windows of time may have nothing to show.
  const first = data.summaries[0] ? data.summaries[0].findIndex((one) => one.count > 0) : 0;
  if (first > 0) chooseStep(first);
  if (data.granules && data.granules.length) {
    granuleRows(data.granules.map(([name, state, reason], row) => ({ row, name, state, reason })));
    const used = data.granules.filter((g) => g[1] === "used").length;
    $("granules-now").textContent = `${used} of ${data.granules.length} used`;
    show("granules-card", true);
  }
  document.body.dataset.ready = "yes";
}

about();
if (data.mode === "report") report();
if (data.mode === "serve") {
  let soon = 0;
  startMap(data.map, new Fetched(data.map, (more) => {
    if (view.unscaled && !fixed) rescale();
    // Drawn when all is there, and now and then on the way.
    clearTimeout(soon);
    if (!more || performance.now() - view.painted.at > 80) view.draw();
    else soon = setTimeout(() => view.draw(), 40);
  }));
  document.body.dataset.ready = "yes";
}
if (data.mode === "live") live();
