"use strict";
(() => {
  const { names, lines, parts, pooled } = ATLAS.index, about = ATLAS.about;
  const at = Object.fromEntries(parts.map((part, i) => [part, i]));
  const PAGE = 50, FILTERS = ["study", "family", "metric", "verdict", "kind"];
  const short = new Map(about.studies.map((study) => [study.study, study]));
  const get = (id) => document.getElementById(id);
  const value = (line, part) => (pooled.includes(part) ? names[line[at[part]]] : line[at[part]]);
  const descending = (part) => (a, b) => (b[at[part]] ?? -Infinity) - (a[at[part]] ?? -Infinity);
  const byName = (part) => (a, b) => order[a[at[part]]] - order[b[at[part]]];
  const SORTS = {
    name: ["study and task", (a, b) => byName("study")(a, b) || byName("task")(a, b) ||
      byName("family")(a, b)],
    task: ["task", byName("task")],
    verdict: ["verdict", (a, b) => byName("verdict")(a, b) || descending("p_break")(a, b)],
    break: ["P(break), highest first", descending("p_break")],
    rise: ["rise of the score, largest first", descending("rise")],
    models: ["models, most first", descending("m")],
  };
  const alphabetical = names.map((_, i) => i).sort((a, b) =>
    (names[a] ?? "￿").localeCompare(names[b] ?? "￿", "en", { numeric: true }));
  const order = [];
  alphabetical.forEach((i, place) => (order[i] = place));

  let page = 0, found = lines, haystack = null, kept = location.hash;

  // --- choosing
  function option(select, key, words) {
    select.append(element("option", { value: key }, words));
  }

  function offer(part, among) {
    const counts = new Map(), select = get(part), chosen = select.value;
    for (const line of among) {
      const one = value(line, part);
      if (one !== null) counts.set(one, (counts.get(one) ?? 0) + 1);
    }
    select.replaceChildren();
    option(select, "", "all");
    for (const i of alphabetical) {
      if (counts.has(names[i])) option(select, names[i], `${names[i]} (${counts.get(names[i])})`);
    }
    if (counts.has(chosen)) select.value = chosen;
  }

  function offerOfStudy() {
    const study = get("study").value;
    const among = study ? lines.filter((line) => value(line, "study") === study) : lines;
    for (const part of FILTERS.slice(1)) offer(part, among);
  }

  function choose() {
    const words = get("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERS.map((part) => [at[part], get(part).value])
      .filter(([, name]) => name).map(([i, name]) => [i, names.indexOf(name)]);
    if (words.length && !haystack) {
      const texts = ["study", "family", "task", "metric", "verdict", "kind", "lean", "reason"];
      haystack = new Map(lines.map((line) => [line,
        texts.map((part) => value(line, part) ?? "").join(" ").toLowerCase() +
        (line[at.shots] === null ? "" : ` ${line[at.shots]}-shot`)]));
    }
    found = lines.filter((line) => wanted.every(([i, name]) => line[i] === name) &&
      words.every((word) => haystack.get(line).includes(word)));
    found.sort(SORTS[get("sort").value][1]);
    page = Math.min(page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
    show();
  }

  // --- showing
  function row(line) {
    const shots = line[at.shots], seed = line[at.seed], kind = value(line, "kind");
    const study = value(line, "study"), lean = value(line, "lean");
    const sub = [value(line, "family"), value(line, "metric").replaceAll("_", " "),
      shots === null ? null : `${shots}-shot`, seed === null ? null : `seed ${seed}`,
      `${line[at.m]} models by ${value(line, "axis")}`].filter(Boolean).join(" · ");
    const undecided = value(line, "verdict") === "undecided";
    return element("tr", {},
      element("td", { class: "plot" }, thumbnail(line[at.thumb])),
      element("th", { scope: "row" },
        element("a", { href: "series.html#" + line[at.id] }, value(line, "task")),
        element("p", { class: "sub" }, sub)),
      element("td", { class: "verdict" }, verdictWords(value(line, "verdict"), kind),
        lean ? element("p", { class: "sub" }, (undecided ? "leans to " : "") + odds(lean)) : null),
      element("td", { class: "p" }, probability(line[at.p_break])),
      element("td", { class: "reason" }, line[at.reason]),
      element("td", { class: "source" }, source(study)));
  }

  function source(study) {
    const known = short.get(study);
    const words = element("span", {}, outside(known.address, known.short));
    if (known.citation) words.title = known.citation;
    return words;
  }

  function show() {
    const first = page * PAGE, rows = found.slice(first, first + PAGE);
    get("series").tBodies[0].replaceChildren(...rows.map(row));
    const tally = new Map();
    for (const line of found) {
      const verdict = value(line, "verdict");
      tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
    }
    const said = [...tally].sort((a, b) => b[1] - a[1])
      .map(([verdict, n]) => `${n.toLocaleString("en")} ${verdict}`).join(", ");
    const range = found.length > PAGE ? `; here ${first + 1} to ${first + rows.length}` : "";
    get("count").textContent = found.length
      ? `${found.length.toLocaleString("en")} of ${lines.length.toLocaleString("en")} series: ${said}${range}`
      : "No series fits; clear the search or a filter.";
    const turn = (words, step, off) => {
      const button = element("button", { type: "button" }, words);
      button.disabled = off;
      button.addEventListener("click", () => {
        page += step;
        keep();
        show();
        get("main").focus();
        scrollTo(0, 0);
      });
      return button;
    };
    const pages = Math.ceil(found.length / PAGE);
    get("pages").replaceChildren(...(pages < 2 ? [] : [
      turn("Previous", -1, page === 0),
      element("span", {}, `page ${page + 1} of ${pages}`),
      turn("Next", 1, page === pages - 1)]));
    const sort = get("sort").value;
    for (const head of document.querySelectorAll("th[data-sort]")) {
      const own = head.dataset.sort === sort;
      if (own) head.setAttribute("aria-sort", sort === "break" ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  // --- the address keeps what was chosen, so that the way back from a series leads here again
  function keep() {
    const chosen = new URLSearchParams();
    for (const id of ["q", ...FILTERS]) if (get(id).value) chosen.set(id, get(id).value);
    if (get("sort").value !== "name") chosen.set("sort", get("sort").value);
    if (page) chosen.set("page", page + 1);
    const hash = chosen.toString();
    if (location.hash.slice(1) !== hash) location.replace("#" + hash);
    kept = location.hash;
  }

  function recall() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    kept = location.hash;
    get("q").value = chosen.get("q") ?? "";
    get("sort").value = SORTS[chosen.get("sort")] ? chosen.get("sort") : "name";
    get("study").value = chosen.get("study") ?? "";
    if (get("study").selectedIndex < 0) get("study").value = "";
    offerOfStudy();
    for (const part of FILTERS.slice(1)) {
      get(part).value = chosen.get(part) ?? "";
      if (get(part).selectedIndex < 0) get(part).value = "";
    }
    page = Math.max(0, (parseInt(chosen.get("page"), 10) || 1) - 1);
    choose();
  }

  function changed(event) {
    if (event.target.id === "study") offerOfStudy();
    page = 0;
    choose();
    keep();
  }

  for (const [key, [words]] of Object.entries(SORTS)) option(get("sort"), key, words);
  [[1, "task"], [2, "verdict"], [3, "break"]].forEach(([i, sort]) => {
    const head = get("series").tHead.rows[0].cells[i];
    const button = element("button", { type: "button", "aria-label": `Sort by ${SORTS[sort][0]}` },
      head.textContent);
    head.dataset.sort = sort;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      get("sort").value = sort;
      changed({ target: button });
    });
  });
  offer("study", lines);
  recall();

  get("filters").addEventListener("input", changed);
  get("filters").addEventListener("submit", (event) => event.preventDefault());
  get("filters").addEventListener("reset", () => setTimeout(() => {
    offerOfStudy();
    changed({ target: get("q") });
    get("q").focus();
  }));
  addEventListener("hashchange", () => {
    if (![kept, "#main"].includes(location.hash)) recall();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      get("q").focus();
      get("q").select();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const links = [...document.querySelectorAll("#series tbody th > a")];
      const here = links.indexOf(document.activeElement);
      if (here < 0 && document.activeElement !== get("q")) return;
      event.preventDefault();
      const next = here + (event.key === "ArrowDown" ? 1 : -1);
      (next < 0 ? get("q") : links[Math.min(next, links.length - 1)])?.focus();
    }
  });

  // --- about
  const studies = element("dl");
  for (const study of about.studies) {
    studies.append(element("dt", {}, study.study), element("dd", {},
      outside(study.address, study.citation || "a results table that does not ship"),
      study.licence ? `. Licence: ${study.licence}.` : ""));
  }
  get("about").append(
    element("p", {}, `Every series with at least ${about.scales} scales, each judged by itself; ` +
      `${about.left_out.toLocaleString("en")} with fewer are left out. A thumbnail shows the scores, ` +
      "and the 90 % band of the most probable account where it was computed. P(break) is the " +
      "probability of a jump or an onset of skill. Among many series some look broken by luck: " +
      "the command emergent-stats discover judges a study's series together."),
    element("p", { class: "quiet" }, "Keys: / to the search, up and down through the list, Enter " +
      `opens a series. Made by emergent_stats ${about.version}, seed ${about.seed}.`),
    element("h3", {}, "Studies"), studies);
})();
