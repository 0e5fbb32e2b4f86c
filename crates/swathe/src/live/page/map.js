// The map: chunks of 256 x 256 cells drawn on a canvas that is panned and zoomed.
"use strict";

const CHUNK = 256;

/** Colours of a palette from its 768 bytes in base64. */
function palette(text) {
  const bytes = atob(text);
  return Uint8Array.from(bytes, (c) => c.charCodeAt(0));
}

/** Where values lie between the ends of the colour bar. */
class Scale {
  constructor(low, high, log) {
    this.log = log && high > 0;
    if (this.log && !(low > 0)) low = high / 1000;
    if (!(high > low)) high = low + Math.max(Math.abs(low) * 0.1, 1e-6);
    this.low = low;
    this.high = high;
    this.a = this.log ? Math.log(low) : low;
    this.b = (this.log ? Math.log(high) : high) - this.a;
  }
  place(value) {
    if (this.log) return value > 0 ? (Math.log(value) - this.a) / this.b : 0;
    return (value - this.a) / this.b;
  }
  value(place) {
    const v = this.a + place * this.b;
    return this.log ? Math.exp(v) : v;
  }
  ticks(most) {
    const all = [];
    if (this.log) {
      for (const steps of [[1, 2, 5], [1, 3], [1]]) {
        all.length = 0;
        for (let e = Math.floor(Math.log10(this.low)) - 1; e <= Math.log10(this.high) + 1; e++) {
          for (const m of steps) {
            const v = m * 10 ** e;
            if (v >= this.low * 0.9999 && v <= this.high * 1.0001) all.push(v);
          }
        }
        if (all.length <= most) break;
      }
      if (all.length > 1) return all;
      all.length = 0;
    }
    const rough = (this.high - this.low) / Math.max(most - 1, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) || rough;
    for (let i = Math.ceil(this.low / step - 1e-9); i * step <= this.high + 1e-9 * step; i++) {
      all.push(i * step);
    }
    return all;
  }
}

/** The colour of logarithmic values by their first 16 bits: less than a colour off, and no logarithm a cell. */
function logPlaces(scale) {
  const places = new Uint8Array(1 << 16);
  const word = new Uint32Array(1);
  const value = new Float32Array(word.buffer);
  for (let i = 0; i < 1 << 15; i++) {
    word[0] = (i << 16) + 0x8000;
    places[i] = Math.min(255, Math.max(0, Math.floor(scale.place(value[0]) * 256)));
  }
  return places;
}

/** West, north, east and south of a line of x and y by turns, in cells; worked out once. */
const boxes = new WeakMap();
function boxOf(line) {
  let box = boxes.get(line);
  if (!box) {
    box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i + 1 < line.length; i += 2) {
      box[0] = Math.min(box[0], line[i]);
      box[1] = Math.min(box[1], line[i + 1]);
      box[2] = Math.max(box[2], line[i]);
      box[3] = Math.max(box[3], line[i + 1]);
    }
    boxes.set(line, box);
  }
  return box;
}

/** A number for people. */
function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "no value";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(4)));
}

/** Values of the map's layers, whole at one level: of a run that goes on, or of a report. */
class Held {
  constructor(map) {
    this.map = map;
    this.level = map.levels[0];
    const stride = 1 << this.level;
    this.rows = Math.ceil(map.rows / stride);
    this.columns = Math.ceil(map.columns / stride);
    this.rasters = new Map();
    this.versions = new Map();
  }
  raster(layer, step) {
    const key = layer + "/" + step;
    let found = this.rasters.get(key);
    if (!found) {
      found = new Float32Array(this.rows * this.columns).fill(NaN);
      this.rasters.set(key, found);
    }
    return found;
  }
  /** Takes a block of cells of this level. */
  put(layer, step, row, column, height, width, values) {
    const raster = this.raster(layer, step);
    for (let i = 0; i < height; i++) {
      if (row + i >= this.rows) break;
      const from = values.subarray(i * width, i * width + Math.min(width, this.columns - column));
      raster.set(from, (row + i) * this.columns + column);
    }
    for (let r = Math.floor(row / CHUNK); r * CHUNK < row + height; r++) {
      for (let c = Math.floor(column / CHUNK); c * CHUNK < column + width; c++) {
        const key = [layer, step, this.level, r, c].join("/");
        this.versions.set(key, (this.versions.get(key) || 0) + 1);
      }
    }
  }
  chunk(layer, step, level, r, c) {
    const raster = this.rasters.get(layer + "/" + step);
    if (!raster) return null;
    const height = Math.min(CHUNK, this.rows - r * CHUNK);
    const width = Math.min(CHUNK, this.columns - c * CHUNK);
    const key = [layer, step, level, r, c].join("/");
    const columns = this.columns;
    return {
      height, width, version: this.versions.get(key) || 0,
      values() {
        const out = new Float32Array(height * width);
        for (let i = 0; i < height; i++) {
          const at = (r * CHUNK + i) * columns + c * CHUNK;
          out.set(raster.subarray(at, at + width), i * width);
        }
        return out;
      },
    };
  }
  /** The value that is shown where a cell is. */
  at(layer, step, row, column) {
    const raster = this.rasters.get(layer + "/" + step);
    if (!raster) return undefined;
    return raster[(row >> this.level) * this.columns + (column >> this.level)];
  }
  sample(layer, step) {
    return this.rasters.get(layer + "/" + step);
  }
  wanted() {}
}

/** Values of a file, chunk by chunk from the server as they come into view. */
class Fetched {
  constructor(map, changed) {
    this.map = map;
    this.changed = changed;
    this.chunks = new Map();
    this.queue = [];
    this.busy = 0;
  }
  chunk(layer, step, level, r, c) {
    const key = [layer, step, level, r, c].join("/");
    const found = this.chunks.get(key);
    if (found) {
      // The one used last stays longest.
      this.chunks.delete(key);
      this.chunks.set(key, found);
      return found.values ? found : null;
    }
    const entry = { values: null };
    this.chunks.set(key, entry);
    this.queue.push({ key, entry, layer, step, level, r, c });
    return null;
  }
  /** Of what is asked for, only what is in view is fetched. */
  wanted(keys) {
    this.queue = this.queue.filter((one) => {
      if (keys.has(one.key)) return true;
      this.chunks.delete(one.key);
      return false;
    });
    this.pump();
    for (const [key, entry] of this.chunks) {
      if (this.chunks.size <= 400) break;
      if (entry.values && !keys.has(key)) this.chunks.delete(key);
    }
  }
  /** What lies next to each other in a row is asked for together: requests take longer than what they bring. */
  pump() {
    while (this.busy < 6 && this.queue.length) {
      const run = [this.queue.shift()];
      const [first] = run;
      while (run.length < 4) {
        const next = this.queue.findIndex((one) => one.layer === first.layer && one.step === first.step
          && one.level === first.level && one.r === first.r && one.c === first.c + run.length);
        if (next < 0) break;
        run.push(...this.queue.splice(next, 1));
      }
      this.fetch(run);
    }
  }
  async fetch(run) {
    const [{ layer, step, level, r, c }] = run;
    this.busy++;
    try {
      const answer = await fetch(link("tile", { layer, step, level, row: r, column: c, across: run.length }));
      if (!answer.ok) throw new Error(answer.statusText);
      const all = new Float32Array(await answer.arrayBuffer());
      const cells = (len) => Math.ceil(len / (1 << level));
      let at = 0;
      for (const { entry, c: column } of run) {
        entry.height = Math.min(CHUNK, cells(this.map.rows) - r * CHUNK);
        entry.width = Math.min(CHUNK, cells(this.map.columns) - column * CHUNK);
        const values = all.subarray(at, (at += entry.height * entry.width));
        entry.version = 1;
        entry.values = () => values;
      }
    } catch {
      // Asked for again when it is drawn again.
      for (const { key } of run) this.chunks.delete(key);
    } finally {
      this.busy--;
      this.pump();
      this.changed(this.busy > 0);
    }
  }
  at(layer, step, row, column) {
    for (const level of this.map.levels) {
      const [i, j] = [row >> level, column >> level];
      const [r, c] = [Math.floor(i / CHUNK), Math.floor(j / CHUNK)];
      const found = this.chunks.get([layer, step, level, r, c].join("/"));
      if (found && found.values) {
        return found.values()[(i - r * CHUNK) * found.width + (j - c * CHUNK)];
      }
    }
    return undefined;
  }
  sample(layer, step) {
    let all = null;
    for (const [key, entry] of this.chunks) {
      if (entry.values && key.startsWith(layer + "/" + step + "/")) all = entry.values();
    }
    return all;
  }
}

/** The canvas with the map on it. */
class MapView {
  constructor(canvas, map, store, said) {
    this.canvas = canvas;
    this.map = map;
    this.store = store;
    this.said = said;
    this.layer = 0;
    this.step = 0;
    this.scale = new Scale(0, 1, false);
    this.colours = null;
    this.outlines = [];
    this.showOutlines = true;
    this.images = new Map();
    this.pointer = null;
    this.pointers = new Map();
    this.painted = { at: 0, whole: false };
    this.fit();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const fitted = this.fitted;
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    if (fitted || !this.zoom) this.fit();
    this.draw();
  }

  fit() {
    this.fitted = true;
    this.x = this.map.columns / 2;
    this.y = this.map.rows / 2;
    if (!this.width) return;
    // Room at the rim for the graticule's labels.
    this.zoom = Math.min((this.width - 8) / this.map.columns, (this.height - 8) / this.map.rows);
    this.draw();
  }

  move(dx, dy) {
    this.fitted = false;
    this.x = Math.min(Math.max(this.x - dx / this.zoom, 0), this.map.columns);
    this.y = Math.min(Math.max(this.y - dy / this.zoom, 0), this.map.rows);
    this.draw();
  }

  /** Zooms so that the place at (px, py) stays where it is. */
  zoomAt(factor, px = this.width / 2, py = this.height / 2) {
    this.fitted = false;
    const least = 0.5 * Math.min(this.width / this.map.columns, this.height / this.map.rows);
    const zoom = Math.min(Math.max(this.zoom * factor, least), 64);
    const [x, y] = this.cell(px, py);
    this.zoom = zoom;
    this.x = Math.min(Math.max(x - (px - this.width / 2) / zoom, 0), this.map.columns);
    this.y = Math.min(Math.max(y - (py - this.height / 2) / zoom, 0), this.map.rows);
    this.draw();
  }

  cell(px, py) {
    return [this.x + (px - this.width / 2) / this.zoom, this.y + (py - this.height / 2) / this.zoom];
  }

  pixel(x, y) {
    return [(x - this.x) * this.zoom + this.width / 2, (y - this.y) * this.zoom + this.height / 2];
  }

  listen() {
    const canvas = this.canvas;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = place(event);
      const before = this.pointers.get(event.pointerId);
      if (before && this.pointers.size === 1) this.move(now[0] - before[0], now[1] - before[1]);
      if (before && this.pointers.size === 2) {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
        const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
        if (apart(before) > 0) {
          this.zoomAt(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        }
      }
      if (before) this.pointers.set(event.pointerId, now);
      this.pointer = now;
      this.read(false);
    });
    const up = (event) => this.pointers.delete(event.pointerId);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => {
      if (this.pointers.size) return;
      this.pointer = null;
      this.read(false);
    });
    canvas.addEventListener("dblclick", (event) => this.zoomAt(2, ...place(event)));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...place(event));
      this.read(false);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? 200 : 50;
      const moves = {
        ArrowLeft: () => this.move(far, 0),
        ArrowRight: () => this.move(-far, 0),
        ArrowUp: () => this.move(0, far),
        ArrowDown: () => this.move(0, -far),
        "+": () => this.zoomAt(1.5),
        "=": () => this.zoomAt(1.5),
        "-": () => this.zoomAt(1 / 1.5),
        _: () => this.zoomAt(1 / 1.5),
        0: () => this.fit(),
        Home: () => this.fit(),
      };
      const move = moves[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.pointer = null;
      move();
      this.read(true);
    });
    canvas.addEventListener("focus", () => this.draw());
    canvas.addEventListener("blur", () => this.draw());
  }

  /** Tells of the cell under the pointer; without one, in the middle of the view (`middle`: of keys). */
  read(middle) {
    const at = this.pointer || (middle ? [this.width / 2, this.height / 2] : null);
    if (!at) return this.said(null, false);
    const [column, row] = this.cell(...at).map(Math.floor);
    const inside = column >= 0 && row >= 0 && column < this.map.columns && row < this.map.rows;
    this.said(inside ? { row, column } : null, middle);
  }

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.paint();
    });
  }

  /** The level whose cells are about a pixel. */
  levelInView() {
    const wanted = Math.floor(Math.log2(1 / (this.zoom * (window.devicePixelRatio || 1))) + 0.35);
    let best = this.map.levels[0];
    for (const level of this.map.levels) if (level <= wanted) best = level;
    return best;
  }

  paint() {
    if (!this.width || !this.colours) return;
    const started = performance.now();
    const context = this.canvas.getContext("2d");
    const ratio = this.canvas.width / this.width;
    const style = getComputedStyle(this.canvas);
    const ink = (name) => style.getPropertyValue(name).trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = ink("--outside");
    context.fillRect(0, 0, this.width, this.height);
    const [left, top] = this.pixel(0, 0);
    const [right, bottom] = this.pixel(this.map.columns, this.map.rows);
    context.fillStyle = ink("--missing");
    context.fillRect(left, top, right - left, bottom - top);
    const level = this.levelInView();
    const keys = new Set();
    // What is there of coarser levels first, then the level that fits.
    const whole = this.isThere(level, keys);
    const levels = whole ? [level] : this.map.levels.filter((l) => l >= level).reverse();
    levels.forEach((one, i) => this.paintLevel(context, one, i === 0));
    this.store.wanted(keys);
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    this.paintGraticule(context, ink);
    this.paintLines(context, this.map.coast || [], ink("--coast"), 1, []);
    if (this.showOutlines) this.paintOutlines(context, ink);
    context.restore();
    context.strokeStyle = ink("--frame");
    context.lineWidth = 1;
    context.strokeRect(left, top, right - left, bottom - top);
    if (document.activeElement === this.canvas && !this.pointer) this.paintCross(context, ink);
    this.painted = { level, whole, milliseconds: performance.now() - started, at: performance.now() };
    this.canvas.dataset.whole = whole ? "yes" : "no";
  }

  /** The chunks of a level that are in view. */
  inView(level) {
    const span = CHUNK << level;
    const [x0, y0] = this.cell(0, 0);
    const [x1, y1] = this.cell(this.width, this.height);
    const all = [];
    for (let r = Math.max(0, Math.floor(y0 / span)); r * span < Math.min(y1, this.map.rows); r++) {
      for (let c = Math.max(0, Math.floor(x0 / span)); c * span < Math.min(x1, this.map.columns); c++) {
        all.push({ r, c, key: [this.layer, this.step, level, r, c].join("/") });
      }
    }
    return all;
  }

  /** Asks for what is in view of a level; whether all of it is there. */
  isThere(level, keys) {
    let all = true;
    for (const { r, c, key } of this.inView(level)) {
      keys.add(key);
      if (!this.store.chunk(this.layer, this.step, level, r, c)) all = false;
    }
    return all;
  }

  paintLevel(context, level, coarsest) {
    const span = CHUNK << level;
    const cell = this.zoom * (1 << level);
    context.imageSmoothingEnabled = cell < 1;
    for (const { r, c, key } of this.inView(level)) {
      if (this.store.chunks && !this.store.chunks.has(key)) continue;
      const chunk = this.store.chunk(this.layer, this.step, level, r, c);
      if (!chunk) continue;
      const image = this.image(key, chunk);
      const [left, top] = this.pixel(c * span, r * span);
      const [wide, high] = [chunk.width * cell, chunk.height * cell];
      // What is missing at this level is not filled by a coarser one.
      if (!coarsest) context.fillRect(left, top, wide, high);
      context.drawImage(image, left, top, wide, high);
    }
  }

  /** A chunk in colours, kept until its values or the colours change. */
  image(key, chunk) {
    const kept = this.images.get(key);
    if (kept && kept.version === chunk.version && kept.look === this.look) return kept.image;
    const image = kept ? kept.image : document.createElement("canvas");
    image.width = chunk.width;
    image.height = chunk.height;
    const context = image.getContext("2d");
    const pixels = context.createImageData(chunk.width, chunk.height);
    const values = chunk.values();
    const out = new Uint32Array(pixels.data.buffer);
    const { inks, places } = this;
    if (places) {
      const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
      for (let i = 0; i < values.length; i++) {
        if (values[i] === values[i]) out[i] = inks[places[words[i] >>> 16]];
      }
    } else {
      const [first, factor] = [this.scale.a, 256 / this.scale.b];
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        if (value !== value) continue;
        const at = (value - first) * factor;
        out[i] = inks[at < 0 ? 0 : at > 255 ? 255 : at | 0];
      }
    }
    context.putImageData(pixels, 0, 0);
    this.images.delete(key);
    this.images.set(key, { image, version: chunk.version, look: this.look });
    if (this.images.size > 500) this.images.delete(this.images.keys().next().value);
    return image;
  }

  /** Other colours from now on. */
  recolour(scale, colours) {
    this.scale = scale;
    this.colours = colours;
    this.look = {};
    // Red, green, blue and opacity as they lie in memory.
    const bytes = new Uint8Array(1024);
    for (let i = 0; i < 256; i++) bytes.set([...colours.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    this.inks = new Uint32Array(bytes.buffer);
    this.places = scale.log ? logPlaces(scale) : null;
    this.draw();
  }

  paintLines(context, lines, colour, width, dash) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.lineJoin = "round";
    context.beginPath();
    const [x0, y0] = this.cell(-2, -2);
    const [x1, y1] = this.cell(this.width + 2, this.height + 2);
    const [left, top] = this.pixel(0, 0);
    for (const line of lines) {
      const [west, north, east, south] = boxOf(line);
      if (east < x0 || west > x1 || south < y0 || north > y1) continue;
      // Points that are less than half a pixel from the one before are not seen, and are most of a coast.
      let [px, py] = [Infinity, Infinity];
      for (let i = 0; i + 1 < line.length; i += 2) {
        const x = line[i] * this.zoom + left;
        const y = line[i + 1] * this.zoom + top;
        if (i && i + 3 < line.length && Math.abs(x - px) < 0.5 && Math.abs(y - py) < 0.5) continue;
        if (i) context.lineTo(x, y);
        else context.moveTo(x, y);
        [px, py] = [x, y];
      }
    }
    context.stroke();
    context.setLineDash([]);
  }

  paintGraticule(context, ink) {
    if (!this.map.lonlat) return;
    const { x, y } = this.map;
    const degrees = 90 / (this.zoom / Math.abs(x[1]));
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 90].find((s) => s >= degrees) || 90;
    const label = (value, positive, negative) => {
      const turned = positive === "E" ? ((((value + 180) % 360) + 360) % 360) - 180 : value;
      const size = Number(Math.abs(turned).toFixed(3));
      return size + "°" + (turned > 0 && size !== 180 ? positive : turned < 0 && size !== 180 ? negative : "");
    };
    context.strokeStyle = ink("--graticule");
    context.lineWidth = 1;
    context.font = "11px system-ui, sans-serif";
    const write = (text, px, py, align) => {
      context.textAlign = align;
      context.lineWidth = 3;
      context.strokeStyle = ink("--missing");
      context.strokeText(text, px, py);
      context.fillStyle = ink("--quiet");
      context.fillText(text, px, py);
      context.lineWidth = 1;
      context.strokeStyle = ink("--graticule");
    };
    const bottom = Math.min(this.height, this.pixel(0, this.map.rows)[1]);
    const left = Math.max(0, this.pixel(0, 0)[0]);
    const right = Math.min(this.width, this.pixel(this.map.columns, 0)[0]);
    const lines = (axis, len, at) => {
      const [a, b] = [axis[0], axis[0] + len * axis[1]];
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      for (let k = Math.ceil(low / step); k * step <= high; k++) at((k * step - a) / axis[1], k * step);
    };
    lines(x, this.map.columns, (column, value) => {
      const px = this.pixel(column, 0)[0];
      if (px < 0 || px > this.width) return;
      context.beginPath();
      context.moveTo(px, 0);
      context.lineTo(px, this.height);
      context.stroke();
      if (px > left + 30 && px < right - 20) write(label(value, "E", "W"), px, bottom - 5, "center");
    });
    lines(y, this.map.rows, (row, value) => {
      const py = this.pixel(0, row)[1];
      if (py < 0 || py > this.height) return;
      context.beginPath();
      context.moveTo(0, py);
      context.lineTo(this.width, py);
      context.stroke();
      if (py > 12 && py < bottom - 16) write(label(value, "N", "S"), left + 4, py - 3, "left");
    });
  }

  paintOutlines(context, ink) {
    for (const outline of this.outlines) {
      const look = STATES[outline.state];
      if (!look) continue;
      this.paintLines(context, outline.lines, ink("--missing"), look.width + 1.5, []);
      this.paintLines(context, outline.lines, ink(look.colour), look.width, look.dash);
    }
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    for (const outline of this.outlines) {
      const look = STATES[outline.state];
      if (!look || !look.mark || !outline.centre) continue;
      const [px, py] = this.pixel(...outline.centre);
      const text = look.mark + " " + outline.label;
      const wide = context.measureText(text).width + 10;
      context.fillStyle = ink("--card");
      context.globalAlpha = 0.9;
      context.fillRect(px - wide / 2, py - 9, wide, 18);
      context.globalAlpha = 1;
      context.fillStyle = ink(look.colour);
      context.fillText(text, px, py + 4);
    }
  }

  paintCross(context, ink) {
    const [px, py] = [this.width / 2, this.height / 2];
    for (const [colour, width] of [["--card", 4], ["--ink", 1.5]]) {
      context.strokeStyle = ink(colour);
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(px - 9, py);
      context.lineTo(px + 9, py);
      context.moveTo(px, py - 9);
      context.lineTo(px, py + 9);
      context.stroke();
    }
  }
}

/** How granules look by their state: colours differ in lightness too, lines in their dashes. */
const STATES = {
  waiting: { word: "waiting", mark: "", colour: "--waiting", width: 1, dash: [2, 4] },
  reading: { word: "reading", mark: "▼", colour: "--reading", width: 2, dash: [8, 3] },
  gridding: { word: "gridding", mark: "▦", colour: "--gridding", width: 2.5, dash: [] },
  used: { word: "done", mark: "", colour: "--used", width: 1, dash: [] },
  empty: { word: "no values", mark: "", colour: "--empty", width: 1, dash: [1, 3] },
  skipped: { word: "skipped", mark: "✕", colour: "--skipped", width: 2, dash: [3, 3] },
};
const MARKS = { waiting: "○", reading: "▼", gridding: "▦", used: "●", empty: "◌", skipped: "✕" };
