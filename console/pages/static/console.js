// Pages work without this. It brings what is shown up to date when the server says that something has changed, and leaves
// alone what somebody is typing in.
"use strict";
(() => {
  const live = document.body.dataset.live;
  if (!live || !window.EventSource) return;
  let busy = false, again = false;

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "Accept-Language": document.documentElement.lang } });
      if (answer.redirected || answer.status === 401) { location.reload(); return; }
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      let changed = false;
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = next.getElementById(part.id);
        if (part.tagName === "IMG") { part.src = part.getAttribute("src").split("&at=")[0] + "&at=" + Date.now(); continue; }
        if (!fresh || part.innerHTML === fresh.innerHTML) continue;
        const focused = part.contains(document.activeElement) ? document.activeElement : null;
        if (focused && /^(INPUT|TEXTAREA|SELECT)$/.test(focused.tagName)) continue;
        const label = focused && (focused.getAttribute("href") || focused.getAttribute("aria-label") || focused.value);
        part.innerHTML = fresh.innerHTML;
        changed = true;
        if (!label) continue;
        for (const e of part.querySelectorAll("a,button")) {
          if ([e.getAttribute("href"), e.getAttribute("aria-label"), e.value].includes(label)) { e.focus(); break; }
        }
      }
      const news = document.getElementById("news");
      if (changed) news.textContent = news.dataset.changed + " " + new Date().toLocaleTimeString(document.documentElement.lang);
    } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  };

  let seen = false;
  new EventSource(live).onmessage = () => {
    if (seen) refresh();
    seen = true; // the first says how the page stood when it was opened
  };
})();
