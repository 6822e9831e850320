// What the page can do beyond links and forms: results while typing, and keys. Without
// it everything still works.
"use strict";
(() => {
  const box = document.getElementById("q");
  const form = box.form;
  const said = document.getElementById("said");
  const dialog = document.getElementById("keys");
  // How long the last list took, in milliseconds: what is quick is asked for with every
  // letter, what is slow once somebody pauses.
  let took = 20;
  const pause = () => (took < 60 ? 8 : Math.min(200, took));
  let timer = 0;
  let under = null; // the request that is under way
  let shown = location.href;
  let began = location.pathname === "/search"; // whether typing has an entry in the history

  const address = () => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim() !== "") fields.append(name, value);
    return "/search?" + fields;
  };

  // show puts another page's main part in place of this one's. Parsed this way, nothing
  // of it runs.
  const show = async (url, history) => {
    under?.abort();
    const mine = (under = new AbortController());
    const since = performance.now();
    const waits = setTimeout(() => document.body.classList.add("busy"), 120); // quick ones do not flicker
    try {
      const asked = new URL(url, location.href);
      asked.searchParams.set("part", "main");
      const answer = await fetch(asked, { signal: mine.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || mine !== under) return;
      took = (took + performance.now() - since) / 2;
      const main = document.getElementById("main");
      const within = main.contains(document.activeElement);
      main.replaceChildren(...fresh.childNodes);
      if (within) main.focus({ preventScroll: true }); // what had the focus is gone
      document.title = page.title;
      fold();
      document.dispatchEvent(new Event("akin:shown")); // for the script of the map
      history?.(url);
      shown = location.href;
      const n = document.querySelectorAll("#main [data-item]").length;
      const wrong = answer.ok ? "" : document.querySelector("#main h1")?.textContent;
      said.textContent = wrong || (n === 0 ? "No results" : n === 1 ? "1 result shown" : n + " results shown");
    } catch (err) {
      if (err.name === "AbortError") took = Math.max(took, performance.now() - since); // at least that
      else said.textContent = "The server cannot be reached";
    } finally {
      clearTimeout(waits);
      if (mine === under) {
        under = null;
        document.body.classList.remove("busy");
      }
    }
  };

  const typed = () => {
    if (box.value.trim() === "") {
      under?.abort();
      return;
    }
    const url = address();
    if (new URL(url, location.href).href === shown) return;
    show(url, (to) => {
      if (began) history.replaceState(null, "", to);
      else history.pushState(null, "", to);
      began = true;
      scrollTo(0, 0);
    });
  };

  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(typed, pause());
  });
  box.addEventListener("compositionend", () => {
    clearTimeout(timer);
    timer = setTimeout(typed, pause());
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    under?.abort();
  });
  addEventListener("popstate", () => {
    const at = new URL(location.href);
    if (at.href.split("#")[0] === shown.split("#")[0]) return;
    clearTimeout(timer);
    began = at.pathname === "/search";
    box.value = at.searchParams.get("q") ?? "";
    for (const field of form.querySelectorAll("input[type=hidden]")) field.remove();
    for (const [name, value] of at.searchParams) {
      if (name === "q" || name === "like" || name === "page" || at.pathname !== "/search") continue;
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    show(at.href);
  });

  // Marks are set, and entries of libraries changed, without leaving the page. What was
  // done last can be undone, for a while by a button and then still by its key.
  const toast = document.getElementById("toast");
  let undo = null;
  let fades = 0;
  const tell = (text, back, label = "Undo") => {
    toast.firstElementChild.textContent = text + ".";
    undo = back;
    const button = toast.querySelector("button");
    button.hidden = !back;
    button.textContent = label;
    toast.hidden = false;
    said.textContent = text + (back && label === "Undo" && !off() ? ". Press u to undo." : ".");
    clearTimeout(fades);
    fades = setTimeout(() => (toast.hidden = true), 12000);
  };
  const takeBack = () => {
    const back = undo;
    undo = null;
    toast.hidden = true;
    back?.();
  };
  toast.querySelector("button").addEventListener("click", takeBack);

  // post sends a form as the script does, and gives what became of it.
  const post = async (action, fields) => {
    const answer = await fetch(action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
    if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
    return answer.json();
  };
  const failed = (err) => {
    if (err.status === 401) {
      const at = location.pathname + location.search;
      tell("You are not signed in any more", () => location.assign("/sign-in?back=" + encodeURIComponent(at)), "Sign in");
    } else if (err.status === 503 || err.status === 429) tell("The server is busy. Try again in a moment", null);
    else if (err.status) tell("That could not be saved", null);
    else tell("The server cannot be reached. Nothing is saved", null);
  };
  const focusOn = (item) => (item?.querySelector("[data-open]") ?? document.getElementById("main")).focus();
  // hide takes an item out of sight, and leads on to the next one; show brings it back.
  const hide = (box) => {
    const item = box.matches("[data-item]") ? box : box.querySelector("[data-item]");
    const all = papers();
    const at = all.indexOf(item);
    const next = all[at + 1] ?? all[at - 1];
    box.hidden = true;
    focusOn(next);
    return () => {
      box.hidden = false;
      focusOn(item);
    };
  };
  const undoWith = (send, after) => async () => {
    try {
      await send();
      after?.();
      said.textContent = "Undone";
    } catch (err) {
      if (err.status === 401) failed(err);
      else tell("That could not be undone", null);
    }
  };
  const undoByToken = (token, after) => token && undoWith(() => post("/undo", new URLSearchParams({ undo: token })), after);

  const send = async (marks, deed) => {
    const fields = new URLSearchParams(new FormData(marks));
    fields.set("do", deed);
    const state = await post("/mark", fields);
    const now = {
      like: [state.liked, "clear", "like"], dislike: [state.disliked, "clear", "dislike"],
      read: [state.read, "unread", "read"], save: [state.saved, "unsave", "save"],
    };
    for (const button of marks.querySelectorAll("[data-mark]")) {
      const [on, off, to] = now[button.dataset.mark];
      button.setAttribute("aria-pressed", String(on));
      button.value = on ? off : to;
    }
    return state;
  };
  // faces are what the buttons of a form show, to show it again.
  const faces = (marks) => {
    const all = [...marks.querySelectorAll("[data-mark]")].map((b) => [b, b.getAttribute("aria-pressed"), b.value]);
    return () => {
      for (const [button, pressed, value] of all) {
        button.setAttribute("aria-pressed", pressed);
        button.value = value;
      }
    };
  };
  const sendMark = async (marks, deed) => {
    const item = marks.closest("[data-item]");
    const before = faces(marks);
    const state = await send(marks, deed);
    const dismissed = marks.closest("[data-dismiss]") && (state.disliked || state.read || state.saved);
    const back = dismissed ? hide(item) : () => (item ? focusOn(item) : marks.querySelector("button").focus());
    const undone = () => {
      before();
      back();
    };
    tell(state.said, state.token ? undoByToken(state.token, undone) : undoWith(() => send(marks, state.undo), back));
  };
  const sendNote = async (form) => {
    let state;
    try {
      state = await post(form.action, new URLSearchParams(new FormData(form)));
    } catch (err) {
      // Another window has changed it, or nobody is signed in any more: a page says so,
      // and has what was typed.
      if (err.status === 409 || err.status === 401) return form.submit();
      throw err;
    }
    const [note, tags] = [form.elements.note, form.elements.tags];
    const before = [note.defaultValue, tags.defaultValue];
    const put = (values, was) => {
      [note.value, tags.value] = [note.defaultValue, tags.defaultValue] = values;
      form.elements.was.value = was;
      const box = form.closest("details");
      box.querySelector("summary").textContent = (values[0] ? "Note" : "Add a note") + (values[1] ? " · " + values[1] : "");
      let shown = box.querySelector(".note-text");
      if (!shown) {
        shown = Object.assign(document.createElement("p"), { className: "note-text", dir: "auto" });
        form.before(shown);
      }
      shown.textContent = values[0];
    };
    const was = form.elements.was.value;
    put([note.value, tags.value], state.was);
    tell(state.said, undoByToken(state.token, () => put(before, was)));
  };
  const sendRemoval = async (form) => {
    const box = form.closest("[data-entry]");
    const state = await post(form.action, new URLSearchParams(new FormData(form)));
    tell(state.said, undoByToken(state.token, hide(box)));
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const deed = event.submitter?.value;
    const act = form.matches("[data-marks]") && deed ? () => sendMark(form, deed)
      : form.matches("[data-note]") ? () => sendNote(form)
      : form.matches("[data-remove]") ? () => sendRemoval(form) : null;
    if (!act) return;
    event.preventDefault();
    try {
      await act();
    } catch (err) {
      failed(err);
    }
  });
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest?.("[data-copy]");
    if (!copy) return;
    try {
      await navigator.clipboard.writeText(copy.parentElement.querySelector("pre").textContent);
      said.textContent = copy.textContent = "Copied";
    } catch {
      said.textContent = "The browser does not allow copying";
    }
  });
  for (const one of document.querySelectorAll("[data-zone]")) one.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  if (navigator.clipboard) for (const one of document.querySelectorAll("[data-copy]")) one.hidden = false;

  // What is being built is looked at again, as long as something is.
  const again = () => {
    const part = document.querySelector("[data-again]");
    if (!part) return;
    setTimeout(async () => {
      if (!part.isConnected) return;
      try {
        const at = new URL(location.href);
        at.searchParams.set("part", "main");
        const page = new DOMParser().parseFromString(await (await fetch(at)).text(), "text/html");
        const fresh = page.getElementById(part.id);
        if (fresh && part.isConnected && !part.contains(document.activeElement)) part.replaceWith(fresh);
      } catch {
        // the next one tries
      }
      again();
    }, document.hidden ? 15000 : 1500);
  };
  document.addEventListener("akin:shown", again);
  again();

  // On narrow screens what narrows a list down begins folded. Styles do that, where the
  // browser knows how.
  const narrow = matchMedia("(max-width: 60rem)");
  const fold = () => {
    if (CSS.supports("selector(::details-content)")) return;
    for (const one of document.querySelectorAll("[data-fold]")) one.open = !narrow.matches;
  };
  narrow.addEventListener("change", fold);
  fold();

  // Keys. They can be turned off on the page of help.
  const off = () => {
    try {
      return localStorage.getItem("akin.keys") === "off";
    } catch {
      return false;
    }
  };
  const papers = () => [...document.querySelectorAll("#main [data-item]:not([hidden])")];
  const current = () => document.activeElement?.closest?.("[data-item]");
  const step = (by) => {
    const all = papers();
    if (all.length === 0) return;
    const at = all.indexOf(current());
    const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    const link = all[to].querySelector("[data-open]");
    link.focus({ preventScroll: true });
    all[to].scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };
  const press = (what) => {
    const button = (current() ?? document.querySelector("#main .paper-head"))?.querySelector(`[data-mark="${what}"]`);
    if (button) button.click();
    else said.textContent = papers().length > 0 ? "No paper is chosen, or it cannot be marked here: j and k choose one" : "There is no paper to mark here";
  };
  const keys = {
    "/": () => {
      box.focus();
      box.select();
    },
    j: () => step(1),
    k: () => step(-1),
    s: () => (current()?.querySelector("[data-similar]") ?? document.querySelector("#main [data-similar]"))?.click(),
    l: () => press("like"),
    x: () => press("dislike"),
    r: () => press("read"),
    u: () => {
      const button = document.querySelector("#main [data-undo]");
      if (undo) takeBack();
      else if (button) button.click();
      else said.textContent = "There is nothing to undo";
    },
    "?": () => dialog.showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    const at = event.target;
    if (at === box && event.key === "Escape" && box.value === "") box.blur();
    if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement || dialog.open || off()) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  const single = document.getElementById("single-keys");
  if (single) {
    single.closest("[data-keys]").hidden = false;
    single.checked = !off();
    single.addEventListener("change", () => {
      try {
        localStorage.setItem("akin.keys", single.checked ? "on" : "off");
      } catch {
        single.checked = true; // there is nowhere to remember it
      }
    });
  }
})();
