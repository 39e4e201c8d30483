"use strict";
// Sorting: a click on a heading, or Enter on it.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const worth = (row) => {
      const cell = row.cells[column];
      return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent.trim();
    };
    const order = (a, b) => {
      const [x, y] = [worth(a), worth(b)];
      const missing = (x === "-") - (y === "-");
      if (missing) return missing;
      const sign = typeof x === "number" && typeof y === "number"
        ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return descending ? -sign : sign;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(order));
  }));
}
// Filtering: every word has to be somewhere in the row.
for (const input of document.querySelectorAll("input[data-filters]")) {
  const rows = [...document.getElementById(input.dataset.filters).tBodies[0].rows];
  const shown = input.parentElement.querySelector(".shown");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    shown.textContent = words.length ? `${count} of ${rows.length}` : "";
  });
}
// Charts: the pointer or the arrow keys move a cursor, and the values at it are read out.
for (const figure of document.querySelectorAll("figure.drawing")) {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const readout = figure.querySelector(".readout");
  const lines = [...svg.querySelectorAll(".series")].map((group) => (
    { group, name: group.dataset.name, points: JSON.parse(group.dataset.points) }));
  const visible = () => lines.filter((line) => !line.group.classList.contains("off"));
  const places = () => [...new Set(visible().flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
  const nearest = (values, x) => values.reduce((best, each) => Math.abs(each - x) < Math.abs(best - x) ? each : best, values[0]);
  let place = null;
  const show = (x) => {
    const all = places();
    if (!all.length) { readout.textContent = "\u00a0"; return; }
    place = nearest(all, x);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    cursor.setAttribute("visibility", "visible");
    let at = "";
    const values = [];
    for (const line of visible()) {
      const point = line.points.find((each) => each[0] === place);
      if (point) { at = point[1]; values.push(`${line.name}: ${point[2]}`); }
    }
    readout.textContent = `${at}: ${values.join("; ")}`;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    show((event.clientX - box.left) / box.width * svg.viewBox.baseVal.width);
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = places();
    const index = place === null ? (step > 0 ? 0 : all.length - 1) : all.indexOf(place) + step;
    if (all.length) show(all[Math.min(Math.max(index, 0), all.length - 1)]);
  });
  for (const button of figure.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!on));
      lines[Number(button.dataset.series)].group.classList.toggle("off", on);
    });
  }
}
// Samples over the course of a run.
for (const figure of document.querySelectorAll("figure.course")) {
  const previews = [...figure.querySelectorAll(".preview")];
  const caption = figure.querySelector("figcaption");
  figure.querySelector("input")?.addEventListener("input", (event) => {
    previews.forEach((preview, index) => { preview.hidden = index !== Number(event.target.value); });
    caption.textContent = previews[Number(event.target.value)].dataset.words;
  });
}
