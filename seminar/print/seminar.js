// What the hand-outs compute: the formulas of the package once more, and figures drawn from them.
"use strict";

// --- formulas (tests hold them against the package) ---------------------------------------
const LEAST_VARIANCE = 1.5441; // of skill, times the number of questions
const GUMBEL_NATS = Math.log(Math.log(10) / -Math.log(0.9));
const tokenRight = (s) => Math.exp(-Math.exp(-s));
const exactMatch = (s, length) => Math.exp(-length * Math.exp(-s));
const gumbelWidth = (slope) => GUMBEL_NATS / slope;

function logGamma(x) { // Lanczos, g = 7
  const c = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
    1.5056327351493116e-7];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let sum = c[0];
  for (let i = 1; i < 9; i++) sum += c[i] / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

function betaShare(a, b, x) { // regularised incomplete beta function, by Lentz's continued fraction
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(b, a, 1 - x);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) +
    a * Math.log(x) + b * Math.log1p(-x)) / a;
  let f = 1, c = 1, d = 0;
  for (let i = 0; i < 2000; i++) {
    const m = Math.floor(i / 2);
    const term = i === 0 ? 1 : i % 2 === 0 ?
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)) :
      -((a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (Math.abs(1 + term * d) < 1e-300 ? 1e-300 : 1 + term * d);
    c = 1 + term / (Math.abs(c) < 1e-300 ? 1e-300 : c);
    f *= c * d;
    if (Math.abs(1 - c * d) < 1e-15) break;
  }
  return front * (f - 1);
}

function betaQuantile(a, b, share) {
  let low = 0, high = 1;
  for (let i = 0; i < 200; i++) {
    const middle = 0.5 * (low + high);
    if (betaShare(a, b, middle) < share) low = middle; else high = middle;
  }
  return 0.5 * (low + high);
}

function binomialInterval(k, n, level = 0.9) { // Jeffreys, 0 and 1 at the edges
  const tail = 0.5 * (1 - level);
  return [k < 0.5 ? 0 : betaQuantile(k + 0.5, n - k + 0.5, tail),
    k > n - 0.5 ? 1 : betaQuantile(k + 0.5, n - k + 0.5, 1 - tail)];
}

const shareBound = (k, n) => (k < n ? betaQuantile(k + 1, n - k, 0.95) : 1); // upper 95 % bound
const binomialTail = (k, n, p) => (k <= 0 ? 1 : k > n ? 0 : betaShare(k, n - k + 1, p)); // k or more of n

// power of a test of shift d (in standard errors) at one-sided 5 %, and false discoveries
function normalShare(z) { // distribution function, from the incomplete gamma function's series
  let term = z, sum = z;
  for (let i = 1; i < 400 && Math.abs(term) > 1e-17; i++) sum += term *= (z * z) / (2 * i + 1);
  return z < -8 ? 0 : z > 8 ? 1 : 0.5 + sum * Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}
const falseShare = (smooth, power, size) =>
  (smooth * size) / (smooth * size + (1 - smooth) * power);
// log Bayes factor of N(0, width²) against 0 for an estimate of z standard errors
const lindley = (z, width) =>
  -0.5 * Math.log(1 + width * width) + 0.5 * z * z * (width * width) / (1 + width * width);

// width of the prior beyond which an estimate of z standard errors speaks against an effect
function turns(z) {
  if (z <= 1) return 0;
  let low = Math.sqrt(z * z - 1), high = Math.exp(0.5 * z * z);
  for (let i = 0; i < 100; i++) {
    const middle = 0.5 * (low + high);
    if (lindley(z, middle) > 0) low = middle; else high = middle;
  }
  return low;
}

function studentQuantile(df) { // t that a draw passes on either side with probability .1
  const x = betaQuantile(0.5 * df, 0.5, 0.1);
  return Math.sqrt((df * (1 - x)) / x);
}

// a line through the first `kept` skills by least squares: [low, middle, high] score at each scale
function extrapolated({ x, score, n }, kept) {
  const s = score.map((v, i) => {
    const inside = Math.min(1 - 0.5 / n[i], Math.max(0.5 / n[i], v));
    return -Math.log(-Math.log(inside));
  }).slice(0, kept);
  const mean = (v) => v.reduce((a, b) => a + b, 0) / kept;
  const centre = mean(x.slice(0, kept)), level = mean(s);
  const off = x.map((v) => v - centre), near = off.slice(0, kept);
  const squares = kept * mean(near.map((v) => v * v));
  const slope = (kept * mean(near.map((v, i) => v * s[i]))) / squares;
  const left = kept * mean(near.map((v, i) => (s[i] - level - slope * v) ** 2));
  const half = studentQuantile(kept - 2) * Math.sqrt(left / (kept - 2));
  return off.map((v) => [-1, 0, 1].map((side) =>
    tokenRight(level + slope * v + side * half * Math.sqrt(1 + 1 / kept + (v * v) / squares))));
}

function separation(scores) {
  let best = -Infinity;
  for (let gap = 1; gap < scores.length; gap++) {
    best = Math.max(best, Math.min(...scores.slice(gap)) - Math.max(...scores.slice(0, gap)));
  }
  return best;
}

// --- random numbers with a seed -----------------------------------------------------------
function generator(seed) { // mulberry32
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const normal = (next) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
function binomial(next, n, p) {
  let k = 0;
  for (let i = 0; i < n; i++) k += next() < p;
  return k;
}

// --- drawing ------------------------------------------------------------------------------
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#a0527f", "#8a6d00", "#1a1a1a"];
const DASHES = ["", "10 5", "3 4", "12 4 3 4", "6 3", "2 2"];

function ticks(low, high, most) { // round numbers between two
  for (let e = -4; e < 6; e++) {
    for (const f of [1, 2, 2.5, 5]) {
      const step = f * 10 ** e, first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
      if (last - first < most) return Array.from({ length: last - first + 1 }, (_, i) => +((first + i) * step).toPrecision(6));
    }
  }
  return [];
}

function plot({ x, y, lines, labels, marks = [], dots = [] }) {
  const W = 900, H = 420, left = 84, right = 14, bottom = 66;
  const top = 14 + 30 * Math.ceil([...lines, ...dots].filter((l) => l.label).length / 3);
  const px = (v) => left + Math.min(1, Math.max(0, (v - x[0]) / (x[1] - x[0]))) * (W - left - right);
  const py = (v) => H - bottom - Math.min(1, Math.max(0, (v - y[0]) / (y[1] - y[0]))) * (H - bottom - top);
  let out = "";
  for (const u of ticks(x[0], x[1], 8)) {
    out += `<text x="${px(u)}" y="${H - bottom + 25}" text-anchor="middle">${u}</text>` +
      `<line x1="${px(u)}" x2="${px(u)}" y1="${H - bottom}" y2="${H - bottom + 6}" stroke="#595959"/>`;
  }
  for (const v of ticks(y[0], y[1], 6)) {
    out += `<line x1="${left}" x2="${W - right}" y1="${py(v)}" y2="${py(v)}" stroke="#d9d9d9"/>` +
      `<text x="${left - 8}" y="${py(v) + 6}" text-anchor="end">${v}</text>`;
  }
  out += `<text x="${(left + W) / 2}" y="${H - 10}" text-anchor="middle">${labels[0]}</text>` +
    `<text transform="translate(22 ${(H - bottom + top) / 2}) rotate(-90)" text-anchor="middle">${labels[1]}</text>`;
  let named = 0;
  for (const { points, style, label } of lines) {
    const stroke = `stroke="${COLOURS[style]}" stroke-width="3" stroke-dasharray="${DASHES[style]}"`;
    const path = points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" ");
    out += `<polyline fill="none" ${stroke} points="${path}"/>`;
    if (label) {
      const at = [left + 8 + (named % 3) * 265, 16 + 30 * Math.floor(named / 3)];
      out += `<line x1="${at[0]}" x2="${at[0] + 38}" y1="${at[1]}" y2="${at[1]}" ${stroke}/>` +
        `<text x="${at[0] + 46}" y="${at[1] + 6}">${label}</text>`;
      named += 1;
    }
  }
  for (const { points, style, label } of dots) {
    const at = [left + 8 + (named % 3) * 265, 16 + 30 * Math.floor(named / 3)];
    named += 1;
    out += `<circle cx="${at[0] + 19}" cy="${at[1]}" r="6" fill="${COLOURS[style]}"/>` +
      `<text x="${at[0] + 46}" y="${at[1] + 6}">${label}</text>` +
      points.map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="6" fill="${COLOURS[style]}"/>`).join("");
  }
  for (const v of marks) out += `<line x1="${px(v)}" x2="${px(v)}" y1="${top}" y2="${H - bottom}" stroke="#595959" stroke-dasharray="2 4" stroke-width="2"/>`;
  return [W, H, out];
}

const grid = (low, high, count) => Array.from({ length: count }, (_, i) => low + (i * (high - low)) / (count - 1));

// --- the key figure of each session: controls, then draw(values) → words and picture -------
const FIGURES = {
  1: {
    controls: [["models", "Models", 4, 12, 1, 6], ["n", "Questions", 20, 500, 10, 50],
      ["sigma", "Noise (nats)", 0, 0.7, 0.05, 0.3], ["seed", "Noise number", 1, 99, 1, 1]],
    draw({ models, n, sigma, seed }) {
      const next = generator(seed), curves = [];
      for (let i = 0; i < 100; i++) {
        curves.push(grid(0, 1, models).map(() => binomial(next, n, tokenRight(sigma * normal(next))) / n));
      }
      const low = Math.min(...curves.flat()), high = Math.max(...curves.flat()) + 1e-9;
      let out = "", count = 0;
      curves.forEach((curve, i) => {
        const struck = separation(curve) >= 0.04 - 1e-9, x0 = (i % 20) * 45, y0 = Math.floor(i / 20) * 60;
        count += struck;
        if (struck) out += `<rect x="${x0}" y="${y0}" width="43" height="56" fill="#fdeadf"/>`;
        const points = curve.map((s, j) => `${(x0 + 3 + (37 * j) / (models - 1)).toFixed(1)},${(y0 + 51 - 46 * (s - low) / (high - low)).toFixed(1)}`);
        out += `<polyline fill="none" stroke="${struck ? "#d55e00" : "#595959"}" stroke-width="${struck ? 3 : 1.5}" points="${points.join(" ")}"/>`;
      });
      const [a, b] = binomialInterval(count, 100);
      return [`<b>${count} of 100</b> curves look like a jump (all models after some gap beat all before it by .04 or more); ` +
        `90 % interval of that share: ${a.toFixed(3)} to ${b.toFixed(3)}. Skill is the same at every scale.`, [900, 300, out]];
    },
  },
  2: {
    controls: [["slope", "Slope (nats/decade)", 0.2, 4, 0.1, 1], ["length", "Length L (tokens)", 1, 64, 1, 8]],
    draw({ slope, length }) {
      const line = (size, style) => ({ style, label: `${size} token${size > 1 ? "s" : ""}`,
        points: grid(-4, 8, 301).map((x) => [x, exactMatch(slope * x, size)]) });
      const ends = [0.1, 0.9].map((share) => -Math.log(-Math.log(share) / length) / slope);
      return [`p^${length} rises from 10 % to 90 % over <b>${gumbelWidth(slope).toFixed(3)}</b> decades (between the dotted lines), ` +
        `whatever the length; it lags behind one token by ln(L)/a = <b>${(Math.log(length) / slope).toFixed(3)}</b> decades.`,
      plot({ x: [-4, 8], y: [0, 1], labels: ["scale (decades)", "exact match"], marks: ends,
        lines: length === 1 ? [line(1, 0)] : [line(1, 0), line(length, 1)] })];
    },
  },
  3: {
    controls: [["tasks", "Tasks", 10, 300, 1, 204], ["size", "False alarms (%)", 0.5, 20, 0.5, 5],
      ["calls", "Jumps called", 0, 60, 1, 12]],
    draw({ tasks, size, calls }) {
      const p = size / 100, most = 60;
      const points = grid(0, most, most + 1).map((k) => [k, 100 * (binomialTail(k, tasks, p) - binomialTail(k + 1, tasks, p))]);
      const top = Math.max(...points.map((q) => q[1]));
      return [`If nothing happens in any of ${tasks} tasks, <b>${(tasks * p).toFixed(1)}</b> are called on average; ` +
        `${calls} or more with probability <b>${binomialTail(calls, tasks, p).toFixed(4)}</b>, ${calls} or fewer with ` +
        `<b>${(1 - binomialTail(calls + 1, tasks, p)).toFixed(5)}</b>. Who sees ${calls} knows, at 95 %, that such a rule calls at most ` +
        `<b>${shareBound(calls, tasks).toFixed(4)}</b> of such tasks.`,
      plot({ x: [0, most], y: [0, Math.max(4, 4 * Math.ceil(top / 4))], labels: ["jumps called where nothing happens", "probability (%)"],
        marks: [calls], lines: [{ points, style: 0, label: "" }] })];
    },
  },
  4: {
    controls: [["z", "Estimate (its errors)", 0, 5, 0.1, 2.5], ["width", "Prior width (errors)", 0.5, 200, 0.5, 10]],
    draw({ z, width }) {
      const bf = lindley(z, width), range = grid(-0.5, 2.5, 121);
      return [`Bayes factor of an effect against none: <b>${Math.exp(bf).toFixed(3)}</b>. ` +
        (z > 1 ? `With a prior wider than <b>${turns(z).toPrecision(3)}</b> standard errors the same data speak against an effect` :
          "No prior makes these data speak for an effect") + ": the width of a prior is part of the question.",
      plot({ x: [-0.5, 2.5], y: [-6, 10], labels: ["log10 of prior width (standard errors)", "log Bayes factor"],
        marks: [Math.log10(width)], lines: [{ points: range.map((u) => [u, lindley(z, 10 ** u)]), style: 0, label: `${z} standard errors` },
          { points: [[-0.5, 0], [2.5, 0]], style: 5, label: "even" }] })];
    },
  },
  5: {
    controls: [["models", "Models", 4, 40, 1, 8], ["n", "Questions", 20, 2000, 20, 300],
      ["sigma", "Noise (nats)", 0, 0.6, 0.05, 0.15], ["height", "Jump (nats)", 0.25, 3, 0.25, 1]],
    draw({ models, n, sigma, height }) {
      const strength = (m) => Math.sqrt((m / 16) * height ** 2 / (sigma ** 2 + LEAST_VARIANCE / n));
      const power = (m) => normalShare(strength(m) - 1.6448536269514722);
      return [`Power at 5 % if the place of the step and the noise are known: <b>${power(models).toFixed(3)}</b> with ${models} models; an honest search, over all accounts, has less. ` +
        `Beyond n = 1.54/σ² = <b>${sigma > 0 ? Math.round(LEAST_VARIANCE / sigma ** 2) : "any"}</b> more questions help little. ` +
        `Of 85 tasks let 10 break: <b>${(100 * falseShare(75 / 85, power(models), 0.05)).toFixed(1)} %</b> of the jumps that such a test calls are false.`,
      plot({ x: [4, 40], y: [0, 1], labels: ["models", "power"], marks: [models],
        lines: [{ points: grid(4, 40, 73).map((m) => [m, power(m)]), style: 0, label: `${height} ${height === 1 ? "nat" : "nats"}` }] })];
    },
  },
  6: {
    controls: (series) => [["task", "Task", 1, series.length, 1, 1 + series.findIndex((c) => c.task === "3D-")],
      ["held", "Largest models held back", 1, 4, 1, 1]],
    draw({ task, held }, series) {
      const { x, score } = series[task - 1], kept = x.length - held;
      const at = extrapolated(series[task - 1], kept), top = x.length - 1;
      const inside = series.filter((c) => {
        const [low, , high] = extrapolated(c, c.x.length - held).at(-1);
        return low <= c.score.at(-1) && c.score.at(-1) <= high;
      }).length;
      const line = (k, style, label) => ({ points: x.map((v, i) => [v, at[i][k]]), style, label });
      const some = (from, to, style, label) => ({ points: x.slice(from, to).map((v, i) => [v, score[from + i]]), style, label });
      return [`GPT-3, ${series[task - 1].task}, few-shot: a line through the skills of the first ${kept} models foretells <b>${at[top][1].toFixed(3)}</b> ` +
        `(${at[top][0].toFixed(3)} to ${at[top][2].toFixed(3)}, 90 %) for the largest; <b>${score[top].toFixed(3)}</b> was scored. ` +
        `Of all ${series.length} tasks the largest model lies inside in <b>${inside}</b>.`,
      plot({ x: [x[0] - 0.1, x[top] + 0.1], y: [0, 1], labels: ["log10 of parameters", "score"],
        lines: [line(1, 0, "line in skill"), line(0, 4, "90 % interval"), line(2, 4, "")],
        dots: [some(0, kept, 0, "fitted"), some(kept, top + 1, 1, "held back")] })];
    },
  },
};

// --- the page -----------------------------------------------------------------------------
function start(number, data) {
  const { controls, draw } = FIGURES[number], box = document.getElementById("controls");
  const values = {};
  const show = () => {
    const [words, [W, H, inner]] = draw(values, data);
    document.getElementById("words").innerHTML = words;
    const picture = document.getElementById("figure");
    picture.setAttribute("viewBox", `0 0 ${W} ${H}`);
    picture.innerHTML = inner;
    picture.setAttribute("aria-label", document.getElementById("words").textContent);
  };
  for (const [name, label, low, high, step, first] of data ? controls(data) : controls) {
    values[name] = first;
    const row = document.createElement("label");
    row.innerHTML = `<span>${label}</span><input type="range" min="${low}" max="${high}" step="${step}" value="${first}"><output>${first}</output>`;
    row.querySelector("input").addEventListener("input", (event) => {
      values[name] = Number(event.target.value);
      row.querySelector("output").textContent = event.target.value;
      show();
    });
    box.append(row);
  }
  show();
}

function deck() { // slides: one at a time; arrows, space, Home and End, or the buttons
  const slides = [...document.querySelectorAll("section")];
  let at = Math.min(slides.length, Math.max(1, Number(location.hash.slice(1)) || 1)) - 1;
  const show = (next) => {
    at = Math.min(slides.length - 1, Math.max(0, next));
    slides.forEach((slide, i) => { slide.hidden = i !== at; });
    document.getElementById("at").textContent = `${at + 1} / ${slides.length}`;
    history.replaceState(null, "", `#${at + 1}`);
  };
  const keys = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1, Home: -1e3, End: 1e3 };
  addEventListener("keydown", (event) => {
    if (event.target.tagName === "BUTTON" && event.key === " ") return;
    if (event.key in keys) { event.preventDefault(); show(at + keys[event.key]); }
  });
  document.getElementById("back").addEventListener("click", () => show(at - 1));
  document.getElementById("on").addEventListener("click", () => show(at + 1));
  show(at);
}
