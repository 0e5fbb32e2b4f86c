// A run that goes on: asks for what is new, twice a second or more slowly where the page is not seen.

const now = {
  since: 0, granules: [], segments: [], samples: [], log: [], workers: [], state: null, shares: {}, fails: 0, offset: 0,
};

async function live() {
  // A page that is closed keeps no command waiting for it.
  addEventListener("pagehide", () => fetch(link("gone"), { keepalive: true }).catch(() => {}));
  status("", "connecting");
  for (;;) {
    const started = performance.now();
    const more = await ask();
    if (!more) return;
    const took = performance.now() - started;
    const pause = document.hidden ? 2000 : 400;
    await new Promise((done) => setTimeout(done, Math.max(pause - took, 100)));
  }
}

/** One question; whether there is more to come. */
async function ask() {
  let state;
  try {
    const answer = await fetch(link("state", { since: now.since, run: now.run || 0 }));
    if (!answer.ok) throw new Error(answer.statusText);
    state = await answer.json();
    await takeMap(state);
    now.fails = 0;
  } catch {
    now.fails++;
    if (now.fails > 4) {
      status("gone", now.state && now.state.phase === "done" ? "done; the command has ended" : "the command has ended");
      return false;
    }
    status("", "waiting for the command");
    return true;
  }
  take(state);
  drawLive();
  document.body.dataset.ready = "yes";
  if (state.phase === "done" || state.phase === "failed") {
    fetch(link("seen", { run: now.run })).catch(() => {});
    document.body.dataset.ended = state.phase;
    return false;
  }
  return true;
}

async function takeMap(state) {
  if (state.map && !view) {
    startMap(state.map, new Held(state.map));
    $("waiting").textContent = state.map.fills_in
      ? "The map fills in as granules are combined."
      : "The map comes when all granules are done.";
  } else if (state.map) {
    [map.steps, map.times] = [state.map.steps, state.map.times];
    nameSteps();
  }
  if (!view || !state.blocks) return;
  const answer = await fetch(link("blocks", { since: now.since }));
  const buffer = await answer.arrayBuffer();
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  let at = 0;
  let some = false;
  while (at + 6 <= words.length) {
    const [layer, step, row, column, height, width] = words.subarray(at, at + 6);
    const values = new Float32Array(buffer, 4 * (at + 6), height * width);
    store.put(layer, step, row, column, height, width, values);
    at += 6 + height * width;
    some = true;
  }
  if (!some) return;
  $("waiting").textContent = "";
  if (!fixed && moved()) rescale();
  view.draw();
}

/** Whether the values have outgrown the colours: these do not change with every tile. */
function moved() {
  const found = limits(map.layers[view.layer], view.scale.log);
  if (view.unscaled || !found) return true;
  return found.some((end, i) => Math.abs(view.scale.place(end) - i) > 0.04);
}

function take(state) {
  now.since = state.since;
  now.run = state.run;
  now.state = state;
  if (state.title) {
    data.title = state.title;
    data.subtitle = state.subtitle;
    about();
  }
  if (state.workers) now.workers = state.workers;
  for (const granule of state.granules) now.granules[granule.row] = { ...now.granules[granule.row], ...granule };
  if (state.granules.length) granuleRows(state.granules.map((g) => now.granules[g.row]));
  now.segments.push(...state.segments);
  for (const [, task, , begin, end] of state.segments) {
    now.shares[task] = (now.shares[task] || 0) + (end - begin);
  }
  const oldest = state.elapsed - 70;
  if (now.segments.length > 20000) now.segments = now.segments.filter((s) => s[4] > oldest);
  now.samples.push(...state.samples);
  if (now.samples.length > 4000) now.samples = now.samples.filter((_, i) => i % 2 === 0);
  for (const line of state.log) logLine(line);
  if (view) {
    view.outlines = now.granules.filter((g) => g && g.lines && g.lines.length).map((g) => ({
      state: g.state, lines: g.lines, centre: g.centre, label: String(g.row + 1),
    }));
    view.draw();
  }
  if (state.graph) show("graph-card", true);
  if (state.links) {
    $("links").replaceChildren(...state.links.map(([label, address]) => {
      const item = document.createElement("a");
      Object.assign(item, { href: address, textContent: label, target: "_blank", rel: "noopener noreferrer" });
      return item;
    }));
    show("links", true);
  }
  if (state.about) {
    list("about", state.about);
    show("about-card", true);
  }
}

function logLine([time, kind, text]) {
  const lines = $("log-lines");
  const bottom = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
  const item = document.createElement("li");
  const when = document.createElement("time");
  when.textContent = seconds(time);
  const what = document.createElement("span");
  what.className = kind;
  what.textContent = text;
  item.append(when, what);
  lines.append(item);
  while (lines.children.length > 1000) lines.firstChild.remove();
  if (bottom) lines.scrollTop = lines.scrollHeight;
  show("log-card", true);
}

function drawLive() {
  const state = now.state;
  if (!state) return;
  const ended = state.phase === "done" || state.phase === "failed";
  const { granules, tiles } = state.counts;
  const words = {
    opening: "opening granules", planning: "planning", granules: "putting granules on the grid", tiles: "writing", reducing: "reducing", done: "done",
    failed: "failed",
  };
  const left = !ended && state.left !== null ? `, ${seconds(state.left)} left` : "";
  status(ended ? state.phase : "", `${words[state.phase]}${ended ? " in " + seconds(state.elapsed) : left}`);
  show("progress-card", true);
  const tiled = tiles.total ? tiles.done / tiles.total : 0;
  const share = state.phase === "done" ? 1 : state.phase === "reducing" ? tiled : state.phase === "tiles"
    ? 0.9 + 0.1 * tiled : 0.9 * (granules.total ? granules.done / granules.total : 0);
  $("meter").style.width = 100 * share + "%";
  $("meter").setAttribute("aria-valuenow", Math.round(100 * share));
  list("numbers", [
    ["granules", granules.total ? `${granules.done} of ${granules.total}` : null],
    ["with values", granules.total ? granules.used : null], ["without", granules.empty || null], ["skipped", granules.skipped || null],
    [state.phase === "reducing" || !granules.total ? "tasks" : "tiles", tiles.total ? `${tiles.done} of ${tiles.total}` : null],
    ["read", bytes(state.read.bytes)], ["decoded", state.read.decoded ? bytes(state.read.decoded) : null],
    ["time", seconds(state.elapsed)], ["left", ended || state.left === null ? null : seconds(state.left)],
  ]);
  if (state.phase === "reducing" && !view) $("waiting").textContent = "The map comes when all is reduced.";
  if (state.error) $("waiting").textContent = state.error;
  const samples = now.samples;
  if (samples.some((s) => s[1])) {
    show("memory-card", true);
    const last = samples[samples.length - 1];
    const baseline = state.memory.baseline;
    $("memory-now").textContent = `${bytes(last[1])}` + (state.memory.limit ? ` of ${bytes(baseline + state.memory.limit)}` : "");
    const points = samples.map((s) => [s[0], s[1]]);
    const most = Math.max(...points.map((p) => p[1]));
    const limit = state.memory.limit ? baseline + state.memory.limit : 0;
    // A limit far above would press the line flat: it is in the words above.
    drawLine($("memory"), points, { limit: limit && limit < 6 * most ? limit : 0, limitName: "limit", write: bytes });
  }
  if (samples.length > 2) {
    show("reading-card", true);
    const rates = [];
    for (let i = 2; i < samples.length; i++) {
      rates.push([samples[i][0], (samples[i][2] - samples[i - 2][2]) / Math.max(samples[i][0] - samples[i - 2][0], 1e-3)]);
    }
    $("reading-now").textContent = rates.length && !ended ? bytes(rates[rates.length - 1][1]) + "/s" : "";
    drawLine($("reading"), rates, { write: (v) => bytes(v) + "/s" });
  }
  if (now.workers.length) {
    show("tasks-card", true);
    const running = ended ? [] : state.now.map(([worker, task, granule, since]) => [worker, task, granule, since, state.elapsed]);
    const span = ended ? Math.max(Number($("span").value), 0) : Number($("span").value);
    drawLanes($("lanes"), now.workers, now.segments.concat(running), state.elapsed, span);
    drawShares();
  }
  if (now.granules.length) {
    show("granules-card", true);
    $("granules-now").textContent = `${granules.done} of ${granules.total} done`;
  }
}

function drawShares() {
  const total = Object.values(now.shares).reduce((a, b) => a + b, 0);
  const row = (task, i) => {
    const share = total ? Math.round((100 * (now.shares[i] || 0)) / total) : 0;
    return `${task} ${share} %`;
  };
  const table = $("shares");
  if (!table.tBodies.length) {
    const body = table.createTBody();
    TASKS.forEach((task) => {
      const cell = body.insertRow().insertCell();
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = `var(--task-${task})`;
      cell.append(swatch, document.createTextNode(""));
    });
  }
  TASKS.forEach((task, i) => {
    table.tBodies[0].rows[i].cells[0].lastChild.textContent = row(task, i);
  });
}
