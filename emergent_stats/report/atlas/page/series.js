"use strict";
(() => {
  const main = document.getElementById("main");
  const percent = "90 %";

  function open() {
    const id = location.hash.slice(1);
    if (id === "main") return;
    if (!/^[0-9a-f]{10}$/.test(id)) return missing();
    const block = id.slice(0, 2);
    if (ATLAS[block]) return find(id);
    const script = element("script", { src: `data/${block}.js` });
    script.addEventListener("load", () => find(id));
    script.addEventListener("error", missing);
    document.body.append(script);
  }

  function find(id) {
    const record = ATLAS[id.slice(0, 2)]?.find((one) => one.id === id);
    if (record) show(record);
    else missing();
  }

  function missing() {
    document.title = "Atlas: no such series";
    main.replaceChildren(element("h1", {}, "No such series"), element("p", {},
      "This atlas holds no series of that name. ",
      element("a", { href: "index.html" }, "All series")));
  }

  function section(title, ...children) {
    return element("section", {}, element("h2", {}, title), ...children);
  }

  function facts(pairs) {
    const list = element("dl", { class: "facts" });
    for (const [name, value] of pairs) {
      if (value !== null && value !== undefined && value !== "") {
        list.append(element("dt", {}, name), element("dd", {}, value));
      }
    }
    return list;
  }

  function table(head, rows, numbers) {
    const cell = (name, i, text) =>
      element(name, { ...(name === "th" ? { scope: "col" } : {}), class: i >= numbers ? "n" : "" }, text);
    return element("div", { class: "scroll" }, element("table", { class: "small" },
      element("thead", {}, element("tr", {}, ...head.map((text, i) => cell("th", i, text)))),
      element("tbody", {}, ...rows.map((row) =>
        element("tr", {}, ...row.map((text, i) => cell("td", i, text)))))));
  }

  function swatch(account) {
    return drawn("svg", { class: "key", width: 26, height: 10, viewBox: "0 0 26 10",
      "aria-hidden": "true" }, drawn("g", { class: `is-${account}` },
      drawn("rect", { class: "band", x: 0, y: 0, width: 26, height: 10 }),
      drawn("polyline", { class: "middle", points: "0,5 26,5" })));
  }

  function accounts(record) {
    const body = element("tbody");
    for (const [account, p] of record.accounts) {
      body.append(element("tr", {},
        element("th", { scope: "row" }, swatch(account), account),
        element("td", { class: "n" }, probability(p)),
        element("td", {}, drawn("svg", { width: 160, height: 12, viewBox: "0 0 160 12",
          "aria-hidden": "true" },
        drawn("rect", { class: `is-${account}`, x: 0, y: 1, height: 10, width: 160 * (p ?? 0) })))));
    }
    return element("table", { class: "small" },
      element("caption", { class: "unseen" }, "Probability of each account"), body);
  }

  function interval(row, name, digits, unit = "") {
    const low = row[name + "_low"], high = row[name + "_high"];
    if (low === undefined || high === undefined) return null;
    const said = (v) => (v > 0 && name === "rise" ? "+" : "") + +v.toPrecision(digits);
    return `${said(low)} to ${said(high)}${unit}`.replaceAll("-", "−");
  }

  function sensitivity(record) {
    const said = (factor) => `× ${{ 0.5: "½" }[factor] ?? factor}`;
    const factors = (i) => [...new Set(record.sensitivity.map((cell) => cell[i]))].sort((a, b) => a - b);
    const heights = factors(1), at = (slope, height, width) => record.sensitivity.find((cell) =>
      cell[0] === slope && cell[1] === height && cell[2] === width)?.[3];
    const blocks = factors(2).map((width) => element("div", {},
      element("p", { class: "sub" }, `largest width of a jump ${said(width)}`),
      table(["slopes", ...heights.map((height) => `heights ${said(height)}`)],
        factors(0).map((slope) =>
          [said(slope), ...heights.map((height) => probability(at(slope, height, width)))]), 1)));
    const known = record.sensitivity.map((cell) => cell[3]);
    const range = `${probability(Math.min(...known))} and ${probability(Math.max(...known))}`;
    return section("Sensitivity to the priors",
      element("p", {}, `Probability of a break (jump or onset) between ${range} as the priors of ` +
        "slopes and heights and the largest width of a jump are halved and doubled."),
      element("details", {}, element("summary", {}, `All ${known.length} cells`),
        element("div", { class: "blocks" }, ...blocks)));
  }

  function show(record) {
    const row = record.row, study = ATLAS.about.studies.find((one) => one.study === row.study);
    const name = [row.family, row.metric.replaceAll("_", " "),
      row.shots === undefined ? null : `${row.shots}-shot`,
      row.seed === undefined ? null : `seed ${row.seed}`,
      `${row.m} models by ${record.plot.words}`, `study ${row.study}`].filter(Boolean).join(" · ");
    document.title = `${row.task}: ${row.verdict}`;
    const drawnBands = record.plot.bands.length
      ? "bands: expected score under each account, the fainter the less probable"
      : "no bands: the verdict was read from a table";
    const warnings = row.warnings ? row.warnings.split("; ") : [];
    const undecided = row.verdict === "undecided";
    main.replaceChildren(
      element("h1", {}, row.task), element("p", { class: "sub" }, name),
      element("div", { class: "answer" },
        element("p", {}, verdictWords(row.verdict, row.kind), `: ${row.reason}`),
        row.lean ? element("p", { class: "quiet" }, (undecided ? "leans to " : "") + odds(row.lean)) : null,
        record.advice ? element("p", { class: "quiet" }, record.advice) : null),
      element("figure", {}, plot(record, main.clientWidth), element("figcaption", { class: "quiet" },
        `Scores with their ${percent} intervals; ${drawnBands}` +
        (record.plot.chance === null ? "." : "; dashes: chance."))),
      element("div", { class: "columns" },
        section("Accounts", accounts(record)),
        section("Numbers", facts([
          ["change of the expected score, first to last scale", interval(row, "rise", 3)],
          ["changes most", row.largest_gap],
          ["a break would lie at", row.at_low === undefined ? null : record.at],
          ["a transition would be", interval(row, "width", 2, ` ${record.spans} wide`)],
          ["and high", interval(row, "height", 2, " nats")],
          ["log Bayes factor, break against gradual", row.log_bf === undefined ? null
            : `${row.log_bf.toFixed(2)} ± ${(row.log_bf_error ?? 0).toFixed(2)}`.replace("-", "−")],
          ["the score looks like a jump", row.apparent_jump ? "yes" : "no"],
          ["survives other priors", row.robust ? "yes" : "no"],
          ["examples per score", record.n],
        ]), element("p", { class: "quiet" }, `Intervals hold ${percent} of the probability.`))),
      warnings.length ? section("Warnings",
        element("ul", {}, ...warnings.map((text) => element("li", {}, text)))) : "",
      record.sensitivity.length > 1 ? sensitivity(record) : "",
      record.hypotheses.length ? section("Hypotheses",
        element("details", {}, element("summary", {}, `Log evidence of ${record.hypotheses.length}`),
          table(["hypothesis", "account", "log evidence", "error", "probability"],
            record.hypotheses, 2))) : "",
      section("Scores", element("details", {}, element("summary", {}, `${record.points.length} models`),
        table(["model", record.plot.words, "score", "low", "high"], record.points, 1))),
      section("Source", study?.citation
        ? element("p", {}, outside(study.address, study.citation), `. Licence: ${study.licence}.`)
        : element("p", {}, `${row.study}: a results table that does not ship.`)),
      section("The same verdict again", element("pre", {}, element("code", {}, record.command)),
        row.seed === undefined ? ""
          : element("p", { class: "quiet" }, "The command judges every seed of this series.")));
  }

  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  open();
})();
