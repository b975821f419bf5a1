// The one script: live progress, live figures, suggestions while typing, buttons
// that show that they work. Every page does its work without it.
"use strict";

// swap replaces the parts of a live region that changed, and only those, so
// that focus and animations stay.
async function swap(region) {
  const answer = await fetch(region.dataset.live, { headers: { "X-Fragment": "1" }, credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(9000) });
  if (!answer.ok) return answer.status === 401 ? null : false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  if (!fresh || fresh.id !== region.id) return false;
  const parts = region.querySelectorAll("[data-part]"), news = fresh.querySelectorAll("[data-part]");
  if (parts.length === 0 || parts.length !== news.length) {
    local(fresh);
    region.replaceWith(fresh);
    return true;
  }
  local(fresh);
  parts.forEach((part, i) => { if (part.outerHTML !== news[i].outerHTML) part.replaceWith(news[i]); });
  return true;
}

// On a narrow screen the menu is wider than that: where one is, is in sight.
const here = document.querySelector(".top nav [aria-current]"), menu = here && here.closest("ul");
if (menu && menu.scrollWidth > menu.clientWidth) menu.scrollLeft = here.offsetLeft - menu.offsetLeft - (menu.clientWidth - here.offsetWidth) / 2;

// Pages that refresh stop when nobody has touched them for ten minutes: looking
// must not keep a licence slot for ever. The light says whether what is shown is
// of this moment, and goes out as soon as it is not.
let touched = Date.now();
["pointerdown", "pointermove", "keydown", "scroll"].forEach(e => addEventListener(e, () => { touched = Date.now(); }, { passive: true }));
document.querySelectorAll("[data-live][data-every]").forEach(region => {
  const id = region.id, every = Number(region.dataset.every), light = document.querySelector(`[data-live-of="${id}"]`);
  let seen = new Date();
  const shine = word => {
    if (!light) return;
    const text = word === "live" ? word : `${word} – as of ${seen.toLocaleTimeString()}`;
    light.hidden = false;
    light.classList.toggle("out", word !== "live");
    document.getElementById(id)?.classList.toggle("stale", word !== "live");
    if (light.lastElementChild.textContent !== text) light.lastElementChild.textContent = text;
  };
  const turn = async () => {
    const now = document.getElementById(id);
    if (now && !now.dataset.every) return; // it has come to an end, and forms in it stay as they are
    let word = "paused";
    if (now && !document.hidden && Date.now() - touched < 600000) {
      word = await swap(now).then(done => done ? "live" : done === null ? "signed out" : "not live", () => "no answer");
      if (word === "live") seen = new Date();
    }
    shine(word);
    setTimeout(turn, every);
  };
  shine("live");
  setTimeout(turn, every);
  document.addEventListener("visibilitychange", () => { if (document.hidden) shine("paused"); });
});

// A job's progress, pushed by the server. EventSource comes back by itself when it
// breaks, but not when it is refused, as by a proxy that finds nobody for a moment.
const follow = (region, refused) => {
  const stream = new EventSource(region.dataset.events);
  stream.onopen = () => { refused = 0; };
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED && refused < 20) setTimeout(follow, 3000, region, refused + 1);
  };
  stream.onmessage = event => {
    const job = JSON.parse(event.data), at = id => document.getElementById(id);
    region.dataset.state = job.state;
    region.dataset.progress = job.progress;
    at("job-progress").value = job.progress;
    at("job-percent").textContent = job.progress;
    at("job-note").textContent = job.note;
    const chip = at("job-state").firstElementChild;
    if (chip.dataset.state !== job.state) {
      chip.dataset.state = chip.textContent = job.state;
      chip.className = "chip" + (job.state === "running" ? " blue" : "");
    }
    if (["completed", "failed", "cancelled"].includes(job.state)) {
      stream.close();
      swap(region).then(done => { if (!done) location.reload(); }, () => location.reload());
    }
  };
};
document.querySelectorAll("[data-events]").forEach(region => follow(region, 0));

// Suggestions for customers and products.
document.querySelectorAll("input[data-pick]").forEach(input => {
  let timer = 0, asked = "";
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const text = input.value.trim();
      if (text.length < 2 || text === asked || text.includes(" · ")) return;
      asked = text;
      const answer = await fetch(input.dataset.pick + "?q=" + encodeURIComponent(text), { headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer || !answer.ok || input.value.trim() !== text) return;
      input.list.replaceChildren(...(await answer.json()).map(value => Object.assign(document.createElement("option"), { value })));
    }, 180);
  });
});

// A form that was sent shows that it works, and is not sent again by a second
// click. Without this the server takes the second for the first.
document.addEventListener("submit", event => {
  const form = event.target, button = event.submitter;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  form.setAttribute("aria-busy", "true");
  if (button) button.classList.add("busy");
  setTimeout(() => ready(form), 15000);
});
const ready = form => {
  delete form.dataset.sent;
  form.removeAttribute("aria-busy");
  form.querySelectorAll(".busy").forEach(button => button.classList.remove("busy"));
};
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(ready)); // back from the next page

// The print view prints.
const printButton = document.getElementById("print");
if (printButton) { printButton.hidden = false; printButton.addEventListener("click", () => window.print()); }

// People see times in the language and the zone of their account, or else of the
// browser; without script in the account's zone or UTC.
const { language, zone } = document.documentElement.dataset;
const moment = at => {
  const how = { dateStyle: "medium", timeStyle: "short" };
  try {
    return at.toLocaleString(language || navigator.languages, { ...how, timeZone: zone });
  } catch { // a language or zone that this browser does not know
    return at.toLocaleString(navigator.languages, how);
  }
};
const local = root => root.querySelectorAll("time[datetime]:not([title])").forEach(time => {
  const at = new Date(time.dateTime);
  if (isNaN(at)) return;
  time.title = time.textContent;
  time.textContent = moment(at);
});
local(document);

// The files that were chosen, with their sizes.
document.querySelectorAll("input[data-chosen]").forEach(input => {
  const list = document.getElementById(input.dataset.chosen);
  const size = n => n < 1024 ? n + " B" : n < 1048576 ? (n / 1024).toFixed(0) + " KB" : (n / 1048576).toFixed(1) + " MB";
  const show = () => {
    list.replaceChildren(...[...input.files].map(f => Object.assign(document.createElement("li"), { textContent: f.name + ", " + size(f.size) })));
    list.hidden = input.files.length === 0;
  };
  input.addEventListener("change", show);
  show(); // a browser may keep them when somebody comes back
});
