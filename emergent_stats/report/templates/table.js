"use strict";
(() => {
  const table = document.getElementById("series");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const told = document.getElementById("told");
  const search = document.getElementById("search");
  const verdict = document.getElementById("verdict");
  const order = new Intl.Collator("en", {numeric: true});
  const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent.trim();
  const compare = (a, b, i, numbers) => {
    const x = value(a, i), y = value(b, i);
    if (x === "" || y === "") return (x === "") - (y === "") || 0;
    return numbers ? Number(x) - Number(y) : order.compare(x, y);
  };
  heads.forEach((head, i) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const numbers = head.dataset.kind === "number";
      const first = numbers ? "descending" : "ascending";
      const other = numbers ? "ascending" : "descending";
      const way = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const sorted = rows.slice().sort((a, b) => {
        const empty = (value(a, i) === "") - (value(b, i) === "");
        return empty || sign * compare(a, b, i, numbers);
      });
      body.append(...sorted);
    });
  });
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && (!verdict.value || row.dataset.verdict === verdict.value);
      row.hidden = !fits;
      shown += fits;
    }
    told.textContent = shown === rows.length
      ? `${rows.length} series` : `${shown} of ${rows.length} series`;
  };
  search.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  filter();
})();
