// Small charts on canvases: lines over time, what threads do, histograms.

const TASKS = ["fetch", "decode", "locate", "grid", "combine", "write"];

/** A canvas as large as it is shown; its context, width and height. */
function prepared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, box.width, box.height);
  context.font = "11px system-ui, sans-serif";
  const style = getComputedStyle(canvas);
  return { context, width: box.width, height: box.height, ink: (name) => style.getPropertyValue(name).trim() };
}

function seconds(value) {
  if (value < 90) return (value < 10 ? value.toFixed(1) : value.toFixed(0)) + " s";
  if (value < 5400) return (value / 60).toFixed(0) + " min";
  return (value / 3600).toFixed(1) + " h";
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1024;
    unit++;
  }
  return (unit && value < 100 ? value.toFixed(1) : value.toFixed(0)) + " " + units[unit];
}

/** A line over time, [[t, value]...], with a limit if there is one. */
function drawLine(canvas, points, { limit, limitName, write, fill = true, times = seconds, log = false }) {
  const { context, width, height, ink } = prepared(canvas);
  if (!width) return;
  const left = 4, right = 4, top = 16, bottom = 16;
  const valid = points.filter((p) => p[1] !== null && p[1] === p[1]);
  const most = Math.max(...valid.map((p) => p[1]), limit || 0, 1e-9) * 1.06;
  const least = log ? Math.min(...valid.map((p) => p[1])) : Math.min(0, ...valid.map((p) => p[1]));
  const t0 = points.length ? points[0][0] : 0;
  const t1 = points.length ? Math.max(points[points.length - 1][0], t0 + 1e-3) : 1;
  const x = (t) => left + ((t - t0) / (t1 - t0)) * (width - left - right);
  const y = (v) => height - bottom - ((v - least) / (most - least || 1)) * (height - top - bottom);
  context.strokeStyle = ink("--line");
  context.beginPath();
  context.moveTo(left, height - bottom + 0.5);
  context.lineTo(width - right, height - bottom + 0.5);
  context.stroke();
  context.fillStyle = ink("--quiet");
  context.textAlign = "left";
  context.fillText(write(most / 1.06), left, 11);
  context.fillText(times(t0), left, height - 3);
  context.textAlign = "right";
  context.fillText(times(t1), width - right, height - 3);
  if (limit) {
    context.setLineDash([5, 4]);
    context.strokeStyle = ink("--skipped");
    context.beginPath();
    context.moveTo(left, y(limit));
    context.lineTo(width - right, y(limit));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = ink("--quiet");
    context.fillText(limitName, width - right, Math.max(11, y(limit) - 3));
  }
  if (!valid.length) return;
  context.beginPath();
  let pen = false;
  for (const [t, v] of points) {
    if (v === null || v !== v) {
      pen = false;
      continue;
    }
    if (pen) context.lineTo(x(t), y(v));
    else context.moveTo(x(t), y(v));
    pen = true;
  }
  context.strokeStyle = ink("--accent");
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.stroke();
  context.lineWidth = 1;
  if (fill && valid.length === points.length) {
    context.lineTo(x(t1), y(least));
    context.lineTo(x(t0), y(least));
    context.globalAlpha = 0.15;
    context.fillStyle = ink("--accent");
    context.fill();
    context.globalAlpha = 1;
  }
  if (!fill) {
    context.fillStyle = ink("--accent");
    for (const [t, v] of valid) {
      context.beginPath();
      context.arc(x(t), y(v), 2.5, 0, 7);
      context.fill();
    }
  }
}

/** What every worker has done in the last seconds: a lane each, a colour and a letter for each task. */
function drawLanes(canvas, workers, segments, now, span) {
  const lane = 22;
  canvas.style.height = Math.max(1, workers.length) * lane + 20 + "px";
  const { context, width, height, ink } = prepared(canvas);
  if (!width) return;
  // Room for the names, which may be addresses of workers.
  const left = Math.min(Math.max(74, ...workers.map((name) => context.measureText(name).width + 12)), width / 3);
  const t0 = Math.max(0, now - span);
  const x = (t) => left + ((t - t0) / Math.max(now - t0, 0.5)) * (width - left - 4);
  context.textBaseline = "middle";
  workers.forEach((name, i) => {
    context.fillStyle = ink("--quiet");
    context.textAlign = "left";
    context.fillText(name, 2, i * lane + lane / 2, left - 6);
    context.fillStyle = ink("--idle");
    context.fillRect(left, i * lane + 2, width - left - 4, lane - 4);
  });
  for (const [worker, task, granule, begin, end] of segments) {
    if (end < t0) continue;
    const [a, b] = [Math.max(x(begin), left), x(end)];
    context.fillStyle = ink("--task-" + TASKS[task]);
    context.fillRect(a, worker * lane + 2, Math.max(b - a, 0.5), lane - 4);
    if (b - a > 34) {
      context.fillStyle = ink("--task-ink");
      context.textAlign = "center";
      const label = granule === null ? TASKS[task] : TASKS[task] + (b - a > 64 ? " " + (granule + 1) : "");
      context.fillText(label, (a + b) / 2, worker * lane + lane / 2 + 0.5);
    }
  }
  context.textBaseline = "alphabetic";
  context.fillStyle = ink("--quiet");
  context.textAlign = "left";
  context.fillText(seconds(t0), left, height - 5);
  context.textAlign = "right";
  context.fillText(seconds(now), width - 4, height - 5);
}

/** A histogram in the colours of the map. */
function drawHistogram(canvas, counts, edges, scale, colours) {
  const { context, width, height, ink } = prepared(canvas);
  if (!width || !counts.length) return;
  const most = Math.max(...counts, 1);
  const view = new Scale(edges[0], edges[edges.length - 1], scale.log);
  const x = (v) => 4 + view.place(v) * (width - 8);
  const y = (n) => height - 18 - (n / most) * (height - 34);
  counts.forEach((count, i) => {
    const middle = scale.log ? Math.sqrt(edges[i] * edges[i + 1]) : (edges[i] + edges[i + 1]) / 2;
    const at = 3 * Math.min(255, Math.max(0, Math.floor(scale.place(middle) * 256)));
    context.fillStyle = `rgb(${colours[at]},${colours[at + 1]},${colours[at + 2]})`;
    context.fillRect(x(edges[i]), y(count), Math.max(x(edges[i + 1]) - x(edges[i]), 1), height - 18 - y(count));
  });
  context.strokeStyle = ink("--line");
  context.beginPath();
  context.moveTo(4, height - 17.5);
  context.lineTo(width - 4, height - 17.5);
  context.stroke();
  context.fillStyle = ink("--quiet");
  context.textAlign = "center";
  for (const tick of view.ticks(Math.floor(width / 60))) {
    const half = context.measureText(shown(tick)).width / 2 + 1;
    const at = Math.min(Math.max(x(tick), half), width - half);
    context.fillText(shown(tick), at, height - 5);
  }
  context.textAlign = "left";
  context.fillText(most + " cells", 4, 11);
}
