// Draws the trends and keeps the page fresh. Everything it shows is in the page already, as tables and text.
"use strict";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Plotly does its own arithmetic on colours and does not know color-mix(): six digits and an opacity instead.
function rgba(name, opacity) {
  const hex = css(name).replace("#", "");
  const part = (at) => parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${part(0)},${part(2)},${part(4)},${opacity})`;
}

function draw(figure) {
  const place = figure.querySelector(".chart");
  if (!window.Plotly || !place) return;
  const data = JSON.parse(figure.querySelector(".chart-data").textContent);
  const column = (i) => data.points.map((p) => p[i]);
  const wide = data.bucket_h * 3600e3;
  const middle = column(0).map((at) => new Date(Date.parse(at) + wide / 2).toISOString());
  const [n, negative, positive, mean, low, high, smoothed] = [1, 2, 3, 4, 5, 6, 7].map(column);
  const neutral = n.map((all, i) => all - negative[i] - positive[i]);
  const until = (at) => new Date(Date.parse(at) + wide).toISOString().slice(0, 16).replace("T", " ");
  const words = data.points.map((p) => `${p[0].slice(0, 16).replace("T", " ")} to ${until(p[0])}`);
  const line = { color: css("--accent"), width: 2.4 };
  const bars = (values, colour, name) => ({
    type: "bar", x: middle, y: values, yaxis: "y2", name, marker: { color: colour, opacity: 0.82 }, width: wide * 0.82,
    hovertemplate: `${name}: %{y}<extra></extra>`,
  });
  const traces = [
    ...intervals(middle, low, high),
    { x: middle, y: mean, mode: "markers", name: "Mean", text: words, marker: { color: css("--accent"), size: 5, opacity: 0.7 },
      hovertemplate: "<b>%{text}</b><br>mean %{y:+.2f}<extra></extra>" },
    { x: middle, y: smoothed, mode: "lines", name: "Smoothed", line, connectgaps: true,
      hovertemplate: "smoothed %{y:+.2f}<extra></extra>" },
    bars(negative, css("--negative"), "negative"),
    bars(neutral, css("--bar-neutral"), "neutral"),
    bars(positive, css("--positive"), "positive"),
  ];
  Plotly.react(place, traces, layout(data, [...mean, ...low, ...high]), { displayModeBar: false, responsive: true, scrollZoom: false });
  place.dataset.drawn = String(data.points.length);
}

// The intervals as bands, one for each unbroken run: a band over a gap would claim what nobody measured.
function intervals(x, low, high) {
  const bands = [];
  let run = [];
  const close = () => {
    if (run.length > 1) {
      const there = run.map((i) => high[i]), back = [...run].reverse();
      bands.push({
        x: [...run.map((i) => x[i]), ...back.map((i) => x[i])], y: [...there, ...back.map((i) => low[i])],
        fill: "toself", fillcolor: rgba("--accent", 0.13), line: { width: 0 }, mode: "lines", hoverinfo: "skip",
      });
    }
    run = [];
  };
  low.forEach((value, i) => (value === null ? close() : run.push(i)));
  close();
  return bands;
}

function layout(data, levels) {
  const known = levels.filter((value) => value !== null);
  if (data.baseline !== undefined) known.push(data.baseline);
  const lowest = Math.max(-1.02, Math.min(-0.1, ...known) - 0.06), highest = Math.min(1.02, Math.max(0.1, ...known) + 0.06);
  const grid = css("--line"), ink = css("--muted");
  const axis = { gridcolor: grid, zeroline: false, fixedrange: true, tickfont: { color: ink, size: 11 }, automargin: true };
  const shapes = [];
  if (data.fixed) shapes.push({ type: "line", yref: "paper", y0: 0, y1: 1, x0: data.fixed, x1: data.fixed, line: { color: css("--positive"), width: 2 } });
  if (data.window) {
    shapes.push({ type: "rect", yref: "paper", y0: 0.34, y1: 1, x0: data.window[0], x1: data.window[1], line: { width: 0 }, fillcolor: rgba("--negative", 0.14), layer: "below" });
    shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: data.baseline, y1: data.baseline, line: { color: ink, dash: "dash", width: 1.4 } });
  }
  return {
    height: document.querySelector(".chart").clientHeight, margin: { l: 42, r: 12, t: 8, b: 28 }, barmode: "stack", bargap: 0.1,
    showlegend: false, hovermode: "x unified", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: css("--ink"), size: 12 },
    hoverlabel: { bgcolor: css("--card"), bordercolor: grid, font: { color: css("--ink") } },
    xaxis: { ...axis, showgrid: false, anchor: "y2", type: "date", hoverformat: " ", nticks: window.innerWidth < 760 ? 5 : 10 },
    yaxis: { ...axis, domain: [0.34, 1], range: [lowest, highest], tickformat: "+.1f", nticks: 6, zeroline: true, zerolinecolor: ink, zerolinewidth: 0.8 },
    yaxis2: { ...axis, domain: [0, 0.26], nticks: 3, rangemode: "tozero" },
    shapes,
  };
}

const drawAll = () => document.querySelectorAll("figure.trend").forEach(draw);

const written = (part) => [...part.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);

// Swaps what has changed and nothing else, so that nothing flickers, closes or loses the focus or what was written.
function freshen(fresh) {
  document.querySelectorAll("[data-live]").forEach((old) => {
    const now = fresh.getElementById(old.id);
    if (now && now.innerHTML !== old.innerHTML && !old.contains(document.activeElement) && !written(old)) old.replaceChildren(...now.childNodes);
  });
  const figures = [...fresh.querySelectorAll("figure.trend")];
  document.querySelectorAll("figure.trend").forEach((figure, i) => {
    const now = figures[i] && figures[i].querySelector(".chart-data"), old = figure.querySelector(".chart-data");
    if (!now || now.textContent === old.textContent) return;
    old.textContent = now.textContent;
    figure.querySelector("tbody").replaceChildren(...figures[i].querySelector("tbody").childNodes);
    draw(figure);
  });
}

async function refresh() {
  const note = document.getElementById("live");
  if (document.visibilityState !== "visible" || String(getSelection())) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const pieces = (page) => [...page.querySelectorAll("[data-live]")].map((piece) => piece.id).join();
    // A page with other parts than this one (the first feedback came in) is another page.
    if (pieces(fresh) !== pieces(document)) return location.reload();
    freshen(fresh);
    note.hidden = true;
  } catch {
    note.textContent = "No connection: showing what was known before";
    note.hidden = false;
  }
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.querySelectorAll(".choose select").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
if (document.body.dataset.refreshS) setInterval(refresh, document.body.dataset.refreshS * 1000);
if (document.body.dataset.reloadS) setTimeout(() => location.reload(), document.body.dataset.reloadS * 1000);
