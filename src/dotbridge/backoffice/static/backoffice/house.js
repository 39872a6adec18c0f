/* What the pages need beyond HTML and htmx: the menu of a phone, the search, the theme, dialogs, forms that were
   changed, and a word where an answer does not come.
   Everything is found by a data attribute, so that pieces that htmx brings later work as well. */
(() => {
  "use strict";

  const root = document.documentElement;

  const openSearch = () => {
    const dialog = document.querySelector("[data-search]");
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.querySelector("input").select();
  };

  const showMenu = (isOpen) => {
    document.getElementById("menu")?.classList.toggle("is-open", isOpen);
    document.querySelector("[data-toggle-menu]")?.setAttribute("aria-expanded", String(isOpen));
  };

  /* Browsers let a page write to the clipboard only where nobody can listen. Elsewhere the older way may do; if not,
     the text is marked, to be copied by hand, and nothing is said to be copied. */
  const copy = async (button) => {
    const place = document.getElementById(button.dataset.copy);
    let isCopied = false;
    try {
      await navigator.clipboard.writeText(place.textContent.trim());
      isCopied = true;
    } catch {
      getSelection().selectAllChildren(place);
      isCopied = document.execCommand("copy");
    }
    if (isCopied) button.textContent = button.dataset.done;
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openSearch();
    }
    const dialog = event.target.closest?.("[data-search]");
    if (dialog && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const stops = [dialog.querySelector("input"), ...dialog.querySelectorAll(".search__found a")];
      const place = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      stops[(place + stops.length) % stops.length].focus();
    }
    if (event.key === "Escape") {
      if (document.querySelector(".menu.is-open")) {
        showMenu(false);
        document.querySelector("[data-toggle-menu]").focus();
      }
      document.querySelectorAll("details.menu-button[open]").forEach((menu) => {
        /* What had the focus is gone with the menu. */
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
        menu.removeAttribute("open");
      });
    }
  });

  document.addEventListener("click", (event) => {
    const on = (name) => event.target.closest(`[${name}]`);
    if (on("data-open-search")) {
      event.preventDefault();
      openSearch();
    }
    if (on("data-toggle-menu")) {
      const isOpen = !document.querySelector(".menu.is-open");
      showMenu(isOpen);
      if (isOpen) document.querySelector("#menu a").focus();
    } else if (!event.target.closest("#menu")) {
      showMenu(false);
    }
    if (on("data-close")) event.target.closest("dialog").close();
    if (event.target.matches("dialog[open]")) event.target.close();
    document.querySelectorAll("details.menu-button[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
    if (on("data-copy")) copy(on("data-copy"));
  });

  const countChosen = (form) => {
    const number = form.querySelectorAll("[data-choose]:checked").length;
    form.querySelectorAll("[data-bulk]").forEach((bar) => { bar.hidden = number === 0; });
    form.querySelectorAll("[data-chosen]").forEach((place) => { place.textContent = String(number); });
  };

  document.addEventListener("change", (event) => {
    const themes = event.target.closest("[data-themes]");
    if (themes) {
      root.dataset.theme = event.target.value;
      document.cookie = `dotbridge_theme=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
    }
    if (event.target.matches("[data-choose-all]")) {
      event.target.form.querySelectorAll("[data-choose]").forEach((box) => { box.checked = event.target.checked; });
    }
    if (event.target.matches("[data-choose], [data-choose-all]")) countChosen(event.target.form);
    if (event.target.matches("input[type=file][data-most]")) {
      const isTooLarge = [...event.target.files].some((file) => file.size > Number(event.target.dataset.most));
      event.target.setCustomValidity(isTooLarge ? event.target.dataset.tooLarge : "");
      event.target.reportValidity();
    }
  });

  /* A form that was changed and not sent asks before it is left, also by sending another one of the page; one that was
     sent is not sent twice. */
  const changed = new Set();
  let sending = null;
  const hasChanges = () => [...changed].some((form) => form.isConnected && form !== sending);
  const stay = () => {
    sending = null;
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  };
  const noteChange = (form) => {
    if (!form) return;
    changed.add(form);
    form.querySelectorAll("[data-when-changed]").forEach((place) => { place.hidden = false; });
    form.querySelectorAll("[data-until-changed]").forEach((place) => { place.hidden = true; });
  };
  document.addEventListener("input", (event) => noteChange(event.target.closest("form[data-asks]")));
  document.addEventListener("rule-changed", (event) => noteChange(event.target.closest("form[data-asks]")));
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) { changed.delete(form); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    sending = form;
  });
  /* Who goes back finds what they had typed and ticked, which the browser brings back without a word to the page. */
  const isAsDrawn = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked === field.defaultChecked;
    if (!field.options) return field.value === field.defaultValue;
    const chosen = [...field.options].filter((option) => option.defaultSelected);
    return field.multiple || !chosen.length || chosen.some((option) => option.selected);
  };
  window.addEventListener("pageshow", () => {
    stay();
    document.querySelectorAll("form:has([data-choose])").forEach(countChosen);
    if (performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
    document.querySelectorAll("form[data-asks]").forEach((form) => {
      const fields = [
        ...form.querySelectorAll("input:not([type=hidden], [type=file]), select, textarea:not([name=rule])")
      ];
      if (!fields.every(isAsDrawn)) noteChange(form);
    });
  });
  document.addEventListener("dotbridge-session-ended", () => {
    if (hasChanges()) document.querySelector("[data-session-ended]").hidden = false;
    else window.location.reload();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!hasChanges()) return;
    event.preventDefault();
    // Runs for whoever answers that they stay: then nothing was sent.
    setTimeout(stay);
  });

  /* A sheet begins with what it is for, not with the button that closes it. */
  const openSheets = (scope) => scope.querySelectorAll("dialog[data-opens]").forEach((sheet) => {
    if (sheet.open) return;
    sheet.showModal();
    if (!sheet.querySelector("[autofocus]")) sheet.querySelector("[data-title]")?.focus();
  });
  document.addEventListener("htmx:afterSwap", (event) => openSheets(event.target.ownerDocument));
  /* A sheet that stands in the page with an address of its own leads back when it is closed. */
  document.addEventListener("close", (event) => {
    const back = event.target.dataset?.back;
    if (back) window.location.assign(back);
  }, true);
  openSheets(document);

  /* A form that was refused begins with what is wrong, which may stand far below. */
  const wrong = document.querySelector("[aria-invalid=true], form .note--bad, #clash");
  wrong?.focus();
  if (wrong && document.activeElement !== wrong) (wrong.closest(".field") ?? wrong).scrollIntoView({ block: "center" });

  /* What was asked for and did not come: a piece that the page waits for says so in its place and can be asked for
     again; of all else the page says that it may be old. */
  const stale = document.querySelector("[data-stale]");
  const arrived = new WeakSet();
  const missing = ({ detail: { elt, target, requestConfig } }) => {
    const waited = (elt.getAttribute("hx-trigger") ?? "").split(/[\s,]+/).includes("load") && !arrived.has(target);
    const pattern = document.querySelector("template[data-missing]");
    if (!waited || !pattern) {
      if (stale) stale.hidden = false;
      return;
    }
    const before = [...target.childNodes];
    target.replaceChildren(pattern.content.cloneNode(true));
    target.querySelector("[data-again]").addEventListener("click", () => {
      target.replaceChildren(...before);
      htmx.ajax(requestConfig.verb, requestConfig.path, { source: elt, target });
    });
  };
  ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, missing));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    arrived.add(event.detail.target);
    if (stale) stale.hidden = true;
  });

  /* The tab one is on is in sight, also where the screen is too narrow for all of them. */
  document.querySelectorAll(".tabs").forEach((tabs) => {
    const current = tabs.querySelector("[aria-current]");
    if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
  });
})();
