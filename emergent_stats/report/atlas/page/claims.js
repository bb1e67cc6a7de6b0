"use strict";
(() => {
  const body = document.getElementById("claims").tBodies[0];
  for (const claim of ATLAS.claims) {
    const says = element("td", {}, ...claim.says.map((words) => element("p", {}, words)));
    if (claim.series.length) {
      says.append(element("ul", {}, ...claim.series.map(([id, name, verdict, words]) =>
        element("li", {}, element("a", { href: "series.html#" + id }, name), ": ",
          verdictWords(verdict.split(" ")[0], verdict.split(/[()]/)[1]), `; ${odds(words)}`))));
    }
    if (claim.elsewhere.length) {
      says.append(element("ul", {}, ...claim.elsewhere.map(([words, address]) =>
        element("li", {}, element("a", { href: address }, words)))));
    }
    body.append(element("tr", {},
      element("th", { scope: "row" }, element("span", { class: "word" }, claim.ability),
        element("p", { class: "sub" }, `${claim.group}; ${claim.source}`)),
      element("td", {}, claim.claimed, element("p", { class: "sub" }, claim.reference)),
      says));
  }
})();
