// One cursor over all plots: the same moment everywhere, with every curve's value there.
"use strict";
(() => {
  const left = 150, width = 850, space = "http://www.w3.org/2000/svg";
  const plots = [...document.querySelectorAll("svg.plot[data-frames]")].map((svg) => {
    const make = (name, kind) => {
      const item = document.createElementNS(space, name);
      item.setAttribute("class", kind);
      item.setAttribute("visibility", "hidden");
      svg.append(item);
      return item;
    };
    const line = make("line", "cursor"), text = make("text", "readout");
    line.setAttribute("y1", 4);
    line.setAttribute("y2", svg.viewBox.baseVal.height - 18);
    text.setAttribute("y", 14);
    const numbers = (name) => (svg.dataset[name] || "").split(" ").filter(Boolean).map(Number);
    return { svg, line, text, at: numbers("at"), top: numbers("top"), frames: Number(svg.dataset.frames) };
  });
  const rate = Number(document.body.querySelector("[data-rate]")?.dataset.rate || 25);
  const nearest = (list, frame) => {
    let low = 0, high = list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < frame) low = middle + 1; else high = middle;
    }
    return low && frame - list[low - 1] < list[low] - frame ? low - 1 : low;
  };
  const move = (share) => {
    for (const plot of plots) {
      const x = left + share * width, frame = Math.round(share * Math.max(plot.frames - 1, 1));
      plot.line.setAttribute("x1", x);
      plot.line.setAttribute("x2", x);
      const index = plot.at.length ? nearest(plot.at, frame) : -1;
      const value = index < 0 ? "" : ` · ${plot.top[index]}`;
      plot.text.textContent = `frame ${frame} · ${(frame / rate).toFixed(1)} s${value}`;
      plot.text.setAttribute("x", share > 0.75 ? x - 6 : x + 6);
      plot.text.setAttribute("text-anchor", share > 0.75 ? "end" : "start");
      plot.line.setAttribute("visibility", "visible");
      plot.text.setAttribute("visibility", "visible");
    }
  };
  const hide = () => plots.forEach((plot) => [plot.line, plot.text].forEach((item) => item.setAttribute("visibility", "hidden")));
  for (const plot of plots) {
    plot.svg.addEventListener("pointermove", (event) => {
      const box = plot.svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width * 1000 - left) / width;
      if (share >= 0 && share <= 1) move(share); else hide();
    });
    plot.svg.addEventListener("pointerleave", hide);
  }
})();
