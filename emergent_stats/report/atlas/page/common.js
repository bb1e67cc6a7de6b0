"use strict";
// What the pages share. Names come from files of strangers: they enter a page as text nodes and
// attribute values only, never as markup.
const ATLAS = {};
const ACCOUNTS = ["flat", "gradual", "onset", "jump", "falls"];

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function outside(address, words) {
  return address.startsWith("https://")
    ? element("a", { href: address, rel: "noreferrer" }, words)
    : document.createTextNode(words);
}

function probability(p) {
  if (p === null || p === undefined) return "–";
  if (p < 0.005) return "<.01";
  return p > 0.995 ? ">.99" : p.toFixed(2).slice(1);
}

// Odds stay on one line.
function odds(words) {
  return words.replace(/(\S+) : 1/, "$1\u00a0:\u00a01");
}

function verdictWords(verdict, kind) {
  const words = (kind ?? "").replaceAll("_", " ");
  const also = words.startsWith("or ") ? ` ${words}` : words && ` (${words})`;
  return element("span", { class: "word " + verdict }, verdict + also);
}

// --- pictures
// Across and up: functions from places (0 to the span) to units of the picture.
function band(account, places, across, up, fade) {
  const points = (name) => places[name].map((y, i) => `${across(places.x[i])},${up(y)}`);
  return drawn("g", { class: `is-${account}${fade ? " fade" : ""}` },
    drawn("polygon", { class: "band",
      points: [...points("low"), ...points("high").reverse()].join(" ") }),
    drawn("polyline", { class: "middle", points: points("mid").join(" ") }));
}

function thumbnail([points, letters, account]) {
  const width = 108, height = 44, edge = 5, last = ATLAS.about.letters.length - 1;
  const places = (text) => Array.from(text, (letter) => ATLAS.about.letters.indexOf(letter));
  const across = (v) => (edge + (v / last) * (width - 2 * edge)).toFixed(1);
  const up = (v) => (height - edge - (v / last) * (height - 2 * edge)).toFixed(1);
  const at = places(points), dots = [];
  for (let i = 0; i < at.length; i += 2) dots.push([across(at[i]), up(at[i + 1])]);
  const picture = drawn("svg",
    { class: "thumb", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (account) {
    const all = places(letters), n = all.length / 4;
    const part = (i) => all.slice(i * n, (i + 1) * n);
    picture.append(band(account, { x: part(0), low: part(1), mid: part(2), high: part(3) },
      across, up, false));
  } else {
    picture.append(drawn("polyline", { class: "thread", points: dots.join(" ") }));
  }
  const r = dots.length > 16 ? 1.5 : 2.2;
  for (const [x, y] of dots) picture.append(drawn("circle", { class: "dot", cx: x, cy: y, r }));
  return picture;
}

function plot(record, room) {
  const width = Math.min(Math.max(room, 300), 960), height = Math.round(200 + 0.25 * width), left = 70, right = 16, top = 14, bottom = 52;
  const span = ATLAS.about.span, p = record.plot;
  const across = (v) => (left + (v / span) * (width - left - right)).toFixed(1);
  const up = (v) => {
    const y = height - bottom - (v / span) * (height - top - bottom);
    return Math.min(Math.max(y, top - 10), height - bottom + 10).toFixed(1);
  };
  const floor = height - bottom, picture = drawn("svg",
    { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": "told" });
  picture.append(drawn("title", { id: "told" }, told(record)));
  for (const [place, words] of p.up) {
    picture.append(
      drawn("line", { class: "grid", x1: left, x2: width - right, y1: up(place), y2: up(place) }),
      drawn("text", { x: left - 8, y: +up(place) + 4, "text-anchor": "end" }, words));
  }
  for (const [place, words] of p.across) {
    picture.append(
      drawn("line", { class: "axis", x1: across(place), x2: across(place), y1: floor, y2: floor + 5 }),
      drawn("text", { x: across(place), y: floor + 20, "text-anchor": "middle" }, words));
  }
  picture.append(
    drawn("line", { class: "axis", x1: left, x2: width - right, y1: floor, y2: floor }),
    drawn("text", { class: "quiet", x: (left + width - right) / 2, y: height - 8,
      "text-anchor": "middle" }, p.words),
    drawn("text", { class: "quiet", x: 16, y: (top + floor) / 2, "text-anchor": "middle",
      transform: `rotate(-90 16 ${(top + floor) / 2})` }, record.row.metric.replaceAll("_", " ")));
  if (p.chance !== null) {
    picture.append(drawn("line",
      { class: "chance", x1: left, x2: width - right, y1: up(p.chance), y2: up(p.chance) }));
  }
  p.bands.forEach(([account, places], i) =>
    picture.append(band(account, places, across, up, i < p.bands.length - 1)));
  if (!p.bands.length) {
    picture.append(drawn("polyline",
      { class: "thread", points: p.x.map((x, i) => `${across(x)},${up(p.y[i])}`).join(" ") }));
  }
  p.x.forEach((x, i) => picture.append(
    drawn("line", { class: "bar", x1: across(x), x2: across(x), y1: up(p.low[i]), y2: up(p.high[i]) })));
  p.x.forEach((x, i) => picture.append(drawn("circle",
    { class: "dot", cx: across(x), cy: up(p.y[i]), r: p.x.length > 40 ? 3 : 4.5 },
    drawn("title", {}, record.points[i].slice(0, 3).join(", ")))));
  return picture;
}

// What the plot shows, for those who do not see it.
function told(record) {
  const first = record.points[0], last = record.points[record.points.length - 1];
  return `${record.row.metric.replaceAll("_", " ")} of ${record.row.task} by ${record.plot.words}: ` +
    `from ${first[2]} at ${first[1]} to ${last[2]} at ${last[1]}, ${record.points.length} models; ` +
    `verdict ${record.row.verdict}`;
}
