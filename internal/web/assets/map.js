// The map: papers as points of one picture, which is drawn anew for each view. What it
// shows stands in the list below it as well.
"use strict";
(() => {
  const MOST = 4e6; // pixels of the picture: more are slow without a graphics card
  const NEAR = 9; // pixels from a point within which it is meant
  const LISTED = 200; // papers of a list
  const EXAMPLES = 20; // papers that others are to be like
  const LIGHT = ["#1f6f8b", "#c8553d", "#588157", "#7b5ea7", "#c98a1b", "#b23a6f", "#3d7a5a", "#4f6db8", "#8c5a3c", "#008b8b", "#a13d3d", "#6b7f1e"];
  const DARK = ["#6fc3df", "#f2866b", "#9bcf8c", "#c0a3f0", "#f0bf5b", "#f08ab8", "#6fd3a6", "#93b0f7", "#d9a277", "#4fd6d6", "#f09a9a", "#c5d65f"];
  const RAMP = { light: ["#b9c9a0", "#8fbfa3", "#5fae9f", "#3b96a0", "#2f7a9c", "#345c91", "#3d3f80", "#3b2363"], dark: ["#4a4f86", "#4c6da6", "#4a8bb8", "#4ea8bb", "#68c2b3", "#93d6a6", "#c5e6a0", "#f3f3a8"] };
  const REST = { light: "#9aa0a3", dark: "#6d777c" }; // what has no colour of its own
  const FAINT = { light: "#dcdad3", dark: "#2b3235" }; // what is not chosen

  // colour gives #rrggbb as a picture has it: bytes in the order red, green, blue, alpha.
  const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
  const colour = (hex) => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return (little ? (255 << 24) | (b << 16) | (g << 8) | r : (r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
  };

  // together takes every other bit of a number.
  const together = (v) => {
    v &= 0x55555555;
    v = (v | (v >>> 1)) & 0x33333333;
    v = (v | (v >>> 2)) & 0x0f0f0f0f;
    v = (v | (v >>> 4)) & 0x00ff00ff;
    return (v | (v >>> 8)) & 0xffff;
  };

  // read takes apart what the server sends: see mapPoints.
  const read = (buffer) => {
    const size = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    const n = head.papers;
    let at = 4 + size;
    const packed = new Uint8Array(buffer, at, head.points);
    at += head.points;
    const codes = {};
    for (const name of ["cluster", "category", "venue", "year"]) {
      codes[name] = new Uint8Array(buffer, at, n);
      at += n;
    }
    const xs = new Uint16Array(n), ys = new Uint16Array(n);
    let last = 0;
    for (let i = 0, k = 0; i < n; i++) {
      let value = 0, shift = 0, b;
      do {
        b = packed[k++];
        value |= (b & 0x7f) << shift;
        shift += 7;
      } while (b & 0x80);
      last = (last + value) >>> 0;
      xs[i] = together(last);
      ys[i] = together(last >>> 1);
    }
    return { ...head, n, codes, xs, ys };
  };

  // ask gets something of the server's; what it says when it refuses is the error.
  const ask = async (url, signal) => {
    const answer = await fetch(url, { signal });
    if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
    return answer;
  };

  class Map2D {
    constructor(root) {
      this.root = root;
      this.plane = root.querySelector(".plane");
      this.canvas = root.querySelector("canvas");
      this.paint = this.canvas.getContext("2d", { alpha: false });
      this.tip = root.querySelector(".tip");
      this.polygon = root.querySelector("polygon");
      this.circle = root.querySelector("circle");
      this.picked = root.querySelector(".picked");
      this.similar = root.querySelector("[data-examples]");
      this.by = root.querySelector("#map-by");
      this.note = document.getElementById("map-note");
      this.said = document.getElementById("said");
      this.view = { x: 32768, y: 32768, z: 1 }; // the middle, and how much is in view: 1 is all
      this.titles = new Map();
      this.pointers = new Map();
      this.stop = new AbortController();
      this.only = new Set(); // chosen entries of the legend
      this.start();
    }

    async start() {
      try {
        for (;;) {
          const answer = await ask("/map/points", this.stop.signal);
          if (answer.status !== 202) {
            this.data = read(await answer.arrayBuffer());
            break;
          }
          const state = await answer.json();
          this.note.textContent = `The map is being made. ${state.step}${state.percent ? `, ${state.percent} %` : ""}.`;
          await new Promise((done) => setTimeout(done, 700));
          if (!this.root.isConnected) return;
        }
        if (this.root.dataset.making) {
          location.reload(); // the list comes with the page
          return;
        }
        this.show();
        if (this.root.dataset.find) await this.mark();
      } catch (err) {
        if (err.name !== "AbortError") this.note.textContent = "The map cannot be shown: " + err.message;
      }
    }

    show() {
      this.ink = new Uint32Array(this.data.n);
      this.lit = new Uint8Array(this.data.n).fill(1);
      this.all = true; // whether all are lit
      this.root.hidden = false;
      this.labels();
      this.fromAddress();
      this.recolour();
      this.listen();
      this.resize();
      this.root.dataset.ready = "1";
      performance.mark("akin:map"); // from here on it can be used
    }

    // labels makes the names of the clusters, the largest first, and measures them.
    labels() {
      const box = this.root.querySelector(".labels");
      this.names = this.data.clusters
        .map((c, i) => ({ ...c, i }))
        .filter((c) => c.papers > 0)
        .sort((a, b) => b.papers - a.papers)
        .map((c) => {
          const span = document.createElement("span");
          span.textContent = c.name;
          box.append(span);
          return { ...c, span };
        });
      for (const c of this.names) {
        c.w = c.span.offsetWidth + 8;
        c.h = c.span.offsetHeight + 2;
      }
    }

    listen() {
      const p = this.plane;
      const on = (target, name, act, options) => target.addEventListener(name, act.bind(this), { signal: this.stop.signal, ...options });
      on(p, "wheel", this.wheel, { passive: false });
      on(p, "pointerdown", this.down);
      on(p, "pointermove", this.move);
      on(p, "pointerup", this.up);
      on(p, "pointercancel", this.up);
      on(p, "pointerleave", (event) => event.pointerType === "mouse" && this.untip()); // a finger leaves when it is lifted
      on(this.picked, "focusin", (event) => this.ringed(event.target.closest("li")));
      on(this.picked, "pointerover", (event) => this.ringed(event.target.closest("li")));
      on(this.picked, "focusout", () => this.ringed(null));
      on(this.picked, "pointerleave", () => this.ringed(null));
      on(p, "keydown", this.key);
      on(this.root, "click", this.clicked);
      on(this.by, "change", () => {
        this.only.clear();
        this.recolour();
        this.draw();
        this.toAddress();
      });
      on(matchMedia("(prefers-color-scheme: dark)"), "change", () => {
        this.recolour();
        this.draw();
      });
      on(window, "hashchange", () => {
        this.fromAddress();
        this.recolour();
        this.draw();
      });
      this.sizes = new ResizeObserver(() => this.resize());
      this.sizes.observe(p);
    }

    end() {
      this.stop.abort();
      this.sizes?.disconnect();
    }

    resize() {
      const { clientWidth: w, clientHeight: h } = this.plane;
      if (w === 0 || h === 0) return;
      const ratio = Math.min(devicePixelRatio || 1, Math.max(1, Math.sqrt(MOST / (w * h))));
      this.w = w;
      this.h = h;
      this.ratio = ratio;
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(h * ratio);
      this.image = this.paint.createImageData(this.canvas.width, this.canvas.height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.drawNow();
    }

    // scale is how many pixels of the page a step of the map is.
    scale() {
      return (Math.min(this.w, this.h) / 65536) * this.view.z;
    }

    draw() {
      if (this.due) return;
      this.due = requestAnimationFrame(() => {
        this.due = 0;
        this.drawNow();
      });
    }

    drawNow() {
      const { xs, ys, n } = this.data;
      const { pixels, ink, lit } = this;
      const W = this.canvas.width, H = this.canvas.height;
      const s = this.scale() * this.ratio;
      const ox = W / 2 - this.view.x * s, oy = H / 2 - this.view.y * s;
      const crowd = n > 20000 ? 0 : n > 3000 ? 1 : 2;
      const size = Math.max(2, Math.round((Math.min(7, 1.6 + crowd + Math.log2(this.view.z)) * this.ratio)));
      pixels.fill(this.ground);
      const faint = this.faint;
      for (let pass = this.all ? 1 : 0; pass < 2; pass++) {
        for (let i = 0; i < n; i++) {
          if (lit[i] !== pass) continue;
          const x = (xs[i] * s + ox) | 0, y = (ys[i] * s + oy) | 0;
          if (x < 0 || y < 0 || x > W - size || y > H - size) continue;
          const c = pass === 1 ? ink[i] : faint;
          let at = y * W + x;
          if (size === 2) {
            pixels[at] = pixels[at + 1] = pixels[at + W] = pixels[at + W + 1] = c;
            continue;
          }
          for (let dy = 0; dy < size; dy++, at += W) pixels.fill(c, at, at + size);
        }
      }
      this.paint.putImageData(this.image, 0, 0);
      this.place();
      this.drawRing();
    }

    // ringed says which entry of the list is meant: its point gets a ring.
    ringed(item) {
      this.meant = item ? +item.dataset.point : -1;
      this.drawRing();
    }

    drawRing() {
      const i = this.meant ?? -1, s = this.scale();
      this.circle.setAttribute("r", i < 0 ? 0 : 9);
      if (i < 0) return;
      this.circle.setAttribute("cx", this.w / 2 + (this.data.xs[i] - this.view.x) * s);
      this.circle.setAttribute("cy", this.h / 2 + (this.data.ys[i] - this.view.y) * s);
    }

    // place puts names where they are in view and none covers another.
    place() {
      const s = this.scale(), taken = [];
      const ox = this.w / 2 - this.view.x * s, oy = this.h / 2 - this.view.y * s;
      for (const c of this.names) {
        const x = c.x * s + ox - c.w / 2, y = c.y * s + oy - c.h / 2;
        const fits = x > 0 && y > 0 && x + c.w < this.w && y + c.h < this.h && !taken.some((t) => x < t.x + t.w && t.x < x + c.w && y < t.y + t.h && t.y < y + c.h);
        if (fits) taken.push({ x, y, w: c.w, h: c.h });
        if (fits) c.span.style.transform = `translate(${x | 0}px,${y | 0}px)`;
        if (fits !== c.fits) c.span.style.visibility = (c.fits = fits) ? "visible" : "hidden";
      }
    }

    // recolour gives each point its colour, and the legend its entries.
    recolour() {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const theme = dark ? "dark" : "light";
      this.ground = colour(dark ? "#15191b" : "#fbfaf7");
      this.faint = colour(FAINT[theme]);
      const entries = this.by.value === "year" ? this.years(RAMP[theme]) : this.values(dark ? DARK : LIGHT);
      const rest = colour(REST[theme]);
      const of = new Int16Array(256).fill(-1); // the entry of a code
      entries.forEach((e, k) => e.codes.forEach((code) => (of[code] = k)));
      const inks = entries.map((e) => colour(e.colour));
      const codes = this.data.codes[this.by.value];
      let lit = 0;
      for (let i = 0; i < codes.length; i++) {
        const k = of[codes[i]];
        this.ink[i] = k < 0 ? rest : inks[k];
        const chosen = (this.only.size === 0 || this.only.has(k)) && (!this.found || this.found[i]);
        this.lit[i] = chosen ? 1 : 0;
        lit += this.lit[i];
      }
      this.all = lit === codes.length;
      this.legend(entries, codes, of, REST[theme]);
    }

    // values are the entries of a field with names: as many as there are colours.
    values(palette) {
      const what = this.by.value;
      if (what === "cluster")
        return this.names.slice(0, palette.length * 5).map((c, k) => ({ name: c.name, colour: palette[k % palette.length], codes: [c.i] }));
      const names = what === "venue" ? this.data.venues : this.data.categories;
      return names.slice(0, palette.length).map((name, k) => ({ name, colour: palette[k], codes: [k + 1] }));
    }

    // years puts the years into as many spans as the ramp has steps, with about as many
    // papers each.
    years(ramp) {
      const counts = new Uint32Array(256);
      for (const code of this.data.codes.year) counts[code]++;
      const known = this.data.n - counts[0], entries = [];
      let sum = 0;
      for (let code = 1; code < 256; code++) {
        if (counts[code] === 0) continue;
        const k = Math.min(ramp.length - 1, Math.floor((sum / known) * ramp.length));
        sum += counts[code];
        const last = entries.at(-1);
        if (last && last.k === k) last.codes.push(code);
        else entries.push({ k, colour: ramp[k], codes: [code] });
      }
      for (const e of entries) {
        const first = this.data.firstYear + e.codes[0] - 1, end = this.data.firstYear + e.codes.at(-1) - 1;
        e.name = first === end ? String(first) : `${first} – ${end}`;
      }
      return entries;
    }

    legend(entries, codes, of, rest) {
      const counts = new Map();
      for (const code of codes) counts.set(of[code], (counts.get(of[code]) ?? 0) + 1);
      const all = entries.map((e, k) => ({ ...e, k }));
      if (counts.get(-1)) all.push({ k: -1, name: "other or unknown", colour: rest });
      const list = this.root.querySelector(".legend");
      const focused = document.activeElement?.dataset?.k;
      list.replaceChildren(
        ...all.map((e) => {
          const item = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("span"), n = document.createElement("span");
          button.type = "button";
          button.dataset.k = e.k;
          button.dir = "auto";
          button.setAttribute("aria-pressed", this.only.has(e.k));
          dot.className = "dot";
          dot.style.background = e.colour;
          n.className = "n";
          n.textContent = (counts.get(e.k) ?? 0).toLocaleString("en");
          button.append(dot, e.name, n);
          item.append(button);
          return item;
        }),
      );
      if (focused !== undefined) list.querySelector(`[data-k="${focused}"]`)?.focus({ preventScroll: true });
    }

    // mark lights the papers of a result alone.
    async mark() {
      const found = await (await ask(`/map/find?${this.root.dataset.find}&tag=${this.data.tag}`, this.stop.signal)).json();
      this.found = new Uint8Array(this.data.n);
      for (const i of found.numbers) this.found[i] = 1;
      this.recolour();
      this.draw();
      this.said.textContent = `${found.numbers.length.toLocaleString("en")} papers are marked`;
    }

    // The view is in the address, behind #: where its middle is, how near, coloured by what.
    fromAddress() {
      const [x, y, z, by] = location.hash.slice(1).split(",");
      if (+z >= 1) this.view = { x: +x || 0, y: +y || 0, z: Math.min(64, +z) };
      if ([...this.by.options].some((o) => o.value === by)) this.by.value = by;
    }

    toAddress() {
      clearTimeout(this.writing);
      this.writing = setTimeout(() => {
        if (!this.root.isConnected) return;
        const v = this.view;
        history.replaceState(history.state, "", `#${Math.round(v.x)},${Math.round(v.y)},${v.z.toFixed(2)},${this.by.value}`);
      }, 250);
    }

    moved() {
      const v = this.view;
      v.z = Math.min(64, Math.max(1, v.z));
      v.x = Math.min(65535, Math.max(0, v.x));
      v.y = Math.min(65535, Math.max(0, v.y));
      this.untip();
      this.draw();
      this.toAddress();
    }

    // zoom keeps what is at a place of the page where it is.
    zoom(by, px = this.w / 2, py = this.h / 2) {
      const before = this.scale(), v = this.view;
      const x = v.x + (px - this.w / 2) / before, y = v.y + (py - this.h / 2) / before;
      v.z = Math.min(64, Math.max(1, v.z * by));
      const after = this.scale();
      v.x = x - (px - this.w / 2) / after;
      v.y = y - (py - this.h / 2) / after;
      this.moved();
    }

    pan(dx, dy) {
      this.view.x -= dx / this.scale();
      this.view.y -= dy / this.scale();
      this.moved();
    }

    at(event) {
      const box = this.plane.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }

    wheel(event) {
      event.preventDefault();
      const [x, y] = this.at(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 20 : 1) / 400), x, y);
    }

    down(event) {
      if (event.button !== 0 || event.target.closest(".tip")) return;
      this.plane.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.at(event));
      this.dragged = 0;
      if (this.pointers.size === 1 && (this.lassoing || event.shiftKey)) this.ring = [this.at(event)];
    }

    move(event) {
      const now = this.at(event), before = this.pointers.get(event.pointerId);
      if (!before) {
        if (event.pointerType === "mouse") this.hover(now);
        return;
      }
      const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId);
      this.pointers.set(event.pointerId, now);
      this.dragged += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      if (others.length > 0) { // two fingers
        this.ring = null;
        const other = others[0][1];
        const far = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
        this.zoom(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      } else if (this.ring) {
        this.ring.push(now);
        this.polygon.setAttribute("points", this.ring.map((p) => p.join(",")).join(" "));
      } else this.pan(now[0] - before[0], now[1] - before[1]);
    }

    up(event) {
      if (!this.pointers.delete(event.pointerId)) return;
      if (this.ring) {
        const ring = this.ring;
        this.ring = null;
        this.polygon.setAttribute("points", "");
        if (ring.length > 3) this.list(this.inside(ring), "Drawn around");
        return;
      }
      if (event.type !== "pointerup" || this.dragged > 6) return;
      const point = this.nearest(...this.at(event));
      if (point < 0) return this.untip();
      if (event.pointerType === "mouse") this.open(point, event.metaKey || event.ctrlKey);
      else this.hover(this.at(event));
    }

    async open(point, apart) {
      const [paper] = await this.papers([point]);
      if (!paper) return;
      if (apart) open(paper.url, "_blank", "noopener");
      else location.assign(paper.url);
    }

    nearest(px, py) {
      const { xs, ys, n } = this.data, s = this.scale();
      const x = this.view.x + (px - this.w / 2) / s, y = this.view.y + (py - this.h / 2) / s;
      let best = (NEAR / s) ** 2, at = -1;
      for (let i = 0; i < n; i++) {
        if (!this.lit[i]) continue;
        const dx = xs[i] - x, dy = ys[i] - y, d = dx * dx + dy * dy;
        if (d < best) {
          best = d;
          at = i;
        }
      }
      return at;
    }

    // hover says what is under the pointer, once it rests.
    hover(now) {
      const point = this.nearest(...now);
      this.plane.classList.toggle("over", point >= 0);
      if (point === this.hovered) return;
      this.untip();
      if (point < 0) return;
      this.hovered = point;
      this.resting = setTimeout(async () => {
        const [paper] = await this.papers([point]).catch(() => []);
        if (paper && this.hovered === point) this.showTip(point, paper);
      }, this.titles.has(point) ? 0 : 60);
    }

    showTip(point, paper) {
      const s = this.scale();
      const x = this.w / 2 + (this.data.xs[point] - this.view.x) * s, y = this.h / 2 + (this.data.ys[point] - this.view.y) * s;
      const group = this.data.clusters[this.data.codes.cluster[point]].name;
      const title = document.createElement("strong"), more = document.createElement("span");
      title.textContent = paper.title;
      title.dir = "auto";
      more.textContent = [paper.by, paper.where, group].filter(Boolean).join(" · ");
      this.tip.replaceChildren(title, more);
      this.tip.href = paper.url;
      this.tip.hidden = false;
      const w = this.tip.offsetWidth, h = this.tip.offsetHeight;
      const left = Math.max(4, Math.min(this.w - w - 4, x - w / 2)), top = y + 14 + h > this.h ? y - h - 12 : y + 14;
      this.tip.style.transform = `translate(${left | 0}px,${Math.max(4, top) | 0}px)`;
    }

    untip() {
      clearTimeout(this.resting);
      this.hovered = -1;
      this.tip.hidden = true;
    }

    // papers gives papers by their numbers, as far as they are still there.
    async papers(numbers) {
      const missing = numbers.filter((i) => !this.titles.has(i));
      if (missing.length > 0) {
        const got = await (await ask(`/map/papers?tag=${this.data.tag}&n=${missing.join(",")}`, this.stop.signal)).json();
        if (this.titles.size > 5000) this.titles.clear();
        for (const p of got) this.titles.set(p.number, p);
      }
      return numbers.map((i) => this.titles.get(i)).filter(Boolean);
    }

    // inside gives the lit points within a ring of places of the page, which is thinned.
    inside(ring) {
      const step = Math.ceil(ring.length / 150), s = this.scale();
      const corners = ring.filter((_, i) => i % step === 0).map(([x, y]) => [this.view.x + (x - this.w / 2) / s, this.view.y + (y - this.h / 2) / s]);
      const cx = Float64Array.from(corners, (c) => c[0]), cy = Float64Array.from(corners, (c) => c[1]);
      const low = [Math.min(...cx), Math.min(...cy)], high = [Math.max(...cx), Math.max(...cy)];
      const { xs, ys, n } = this.data, out = [];
      for (let i = 0; i < n; i++) {
        const x = xs[i], y = ys[i];
        if (!this.lit[i] || x < low[0] || x > high[0] || y < low[1] || y > high[1]) continue;
        let within = false;
        for (let a = 0, b = cx.length - 1; a < cx.length; b = a++) {
          if (cy[a] > y !== cy[b] > y && x < ((cx[b] - cx[a]) * (y - cy[a])) / (cy[b] - cy[a]) + cx[a]) within = !within;
        }
        if (within) out.push(i);
      }
      return out;
    }

    inView() {
      const s = this.scale(), { xs, ys, n } = this.data, out = [];
      const wide = this.w / 2 / s, high = this.h / 2 / s;
      for (let i = 0; i < n; i++) if (this.lit[i] && Math.abs(xs[i] - this.view.x) <= wide && Math.abs(ys[i] - this.view.y) <= high) out.push(i);
      return out;
    }

    // list names papers beside the map; of many, some that are spread over them.
    async list(numbers, how) {
      const some = numbers.length <= LISTED ? numbers : Array.from({ length: LISTED }, (_, i) => numbers[Math.floor((i * numbers.length) / LISTED)]);
      const title = this.picked.querySelector("h2"), items = this.picked.querySelector("ol"), rest = this.picked.querySelector("p");
      title.textContent = `${how}: ${numbers.length.toLocaleString("en")} ${numbers.length === 1 ? "paper" : "papers"}`;
      rest.textContent = numbers.length > some.length ? `Listed are ${some.length} of them, spread over all. Zoom in to see the others.` : "";
      items.replaceChildren();
      this.meant = -1;
      this.similar.hidden = true;
      this.picked.hidden = false;
      this.back = document.activeElement;
      this.picked.focus({ preventScroll: true });
      const papers = await this.papers(some).catch((err) => {
        rest.textContent = err.message;
        return [];
      });
      // Of many, examples that are spread over them.
      const step = Math.ceil(papers.length / EXAMPLES);
      const examples = papers.filter((_, i) => i % step === 0).map((p) => ["like", p.id]);
      this.similar.href = "/search?" + new URLSearchParams(examples);
      this.similar.hidden = examples.length === 0;
      items.replaceChildren(
        ...papers.map((p) => {
          const item = document.createElement("li"), link = document.createElement("a"), more = document.createElement("span");
          item.dataset.item = "";
          item.dataset.point = p.number;
          link.href = p.url;
          link.dataset.open = "";
          link.dir = "auto";
          link.textContent = p.title;
          more.className = "n";
          more.textContent = [p.by, p.where].filter(Boolean).join(" · ");
          item.append(link, more);
          return item;
        }),
      );
    }

    close() {
      this.picked.hidden = true;
      this.ringed(null);
      (this.back?.isConnected ? this.back : this.plane).focus({ preventScroll: true });
    }

    clicked(event) {
      const entry = event.target.closest(".legend button");
      if (entry) {
        const k = +entry.dataset.k;
        if (!this.only.delete(k)) this.only.add(k);
        this.recolour();
        this.draw();
        return;
      }
      const act = event.target.closest("[data-do]")?.dataset.do;
      if (act === "in") this.zoom(1.6);
      else if (act === "out") this.zoom(1 / 1.6);
      else if (act === "all") this.whole();
      else if (act === "view") this.list(this.inView(), "In view");
      else if (act === "close") this.close();
      else if (act === "lasso") {
        this.lassoing = !this.lassoing;
        event.target.closest("[data-do]").setAttribute("aria-pressed", this.lassoing);
        this.plane.classList.toggle("drawing", this.lassoing);
      }
    }

    whole() {
      this.view = { x: 32768, y: 32768, z: 1 };
      this.moved();
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.plane) return;
      const far = 60;
      const acts = {
        ArrowLeft: () => this.pan(far, 0),
        ArrowRight: () => this.pan(-far, 0),
        ArrowUp: () => this.pan(0, far),
        ArrowDown: () => this.pan(0, -far),
        "+": () => this.zoom(1.6),
        "=": () => this.zoom(1.6),
        "-": () => this.zoom(1 / 1.6),
        0: () => this.whole(),
        Enter: () => this.list(this.inView(), "In view"),
        Escape: () => this.untip(),
      };
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    }
  }

  let map = null;
  const begin = () => {
    const root = document.getElementById("map");
    if (map?.root === root) return;
    map?.end();
    map = root ? new Map2D(root) : null;
    globalThis.akinMap = map; // for who looks from the console, and for tests
  };
  document.addEventListener("akin:shown", begin);
  begin();
})();
