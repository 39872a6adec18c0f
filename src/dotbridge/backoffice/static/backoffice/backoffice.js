// django-unfold makes some controls of elements that only a mouse can reach. This lets the keyboard and screen readers
// reach them too, also those that come later.
"use strict";

(() => {
    const CLICKED =
        "a:not([href])[x-on\\:click], span[x-on\\:click], div.cursor-pointer[x-on\\:click], h2[x-on\\:click]";
    // The names come in the reader's language with the address of this file.
    const given = new URL(document.currentScript.src).searchParams;
    const NAMES = { dock_to_right: given.get("menu"), close: given.get("close") };

    function makeOperable(root) {
        for (const control of root.querySelectorAll(CLICKED)) {
            if (control.dataset.madeOperable) continue;
            control.dataset.madeOperable = "yes";
            control.setAttribute("role", "button");
            control.tabIndex = 0;
            const name = NAMES[control.textContent.trim()];
            if (name) control.setAttribute("aria-label", name);
            control.addEventListener("keydown", (event) => {
                if (event.key === "Enter" || event.key === " ") {
                    event.preventDefault();
                    control.click();
                }
            });
        }
        for (const tip of root.querySelectorAll("span.help-tooltip[aria-label]:not([role])")) {
            tip.setAttribute("role", "img");
        }
        // An icon is the name of a glyph, not a word to be read out.
        for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-label])")) {
            if (icon.parentElement && icon.parentElement.textContent.trim() !== icon.textContent.trim()) {
                icon.setAttribute("aria-hidden", "true");
            }
        }
    }

    function allBoxes(event) {
        const toggle = event.target.closest("[data-checks-all]");
        if (!toggle) return;
        for (const box of document.querySelectorAll(toggle.dataset.checksAll)) box.checked = toggle.checked;
    }

    document.addEventListener("DOMContentLoaded", () => {
        makeOperable(document);
        new MutationObserver(() => makeOperable(document)).observe(document.body, { childList: true, subtree: true });
    });
    document.addEventListener("change", allBoxes);
})();
