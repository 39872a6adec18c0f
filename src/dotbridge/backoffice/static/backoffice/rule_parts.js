// The small parts that the rule builder is made of: elements, selects, and a text field that finds what one types.

let made = 0;
export const newId = () => `rule-part-${(made += 1)}`;

export function h(tag, { on = {}, data = {}, ...attributes } = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === true) element.setAttribute(name, "");
        else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    Object.assign(element.dataset, data);
    for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_whole, name) => values[name] ?? "");

export function select({ label, options, value, focus, change, placeholder }) {
    const isKnown = options.some(([option]) => String(option) === String(value));
    const shown = [
        ...(placeholder && !isKnown ? [h("option", { value: "" }, placeholder)] : []),
        ...options.map(([option, text]) =>
            h("option", { value: option, selected: String(option) === String(value) }, text),
        ),
    ];
    return h(
        "select",
        {
            "aria-label": label,
            class: "rb-input",
            data: { focus },
            on: { change: (event) => change(event.target.value) },
        },
        shown,
    );
}

export function button({ text, label, focus, click, disabled = false, kind = "" }) {
    return h(
        "button",
        {
            type: "button",
            class: `rb-button ${kind}`.trim(),
            "aria-label": label,
            title: label,
            disabled,
            data: { focus },
            on: { click },
        },
        text,
    );
}

// A text field with a list below that holds what was found. `find` answers the choices for a text, now or later, each
// {value, label, group}. With `free` what was typed is taken as it is, found or not.
export function combobox({ label, shown = "", placeholder, focus, find, choose, free = false, typed, emptyText }) {
    const list = h("ul", { role: "listbox", class: "rb-choices", id: newId(), "aria-label": label, hidden: true });
    const input = h("input", {
        type: "text",
        role: "combobox",
        class: "rb-input",
        autocomplete: "off",
        "aria-autocomplete": "list",
        "aria-expanded": "false",
        "aria-controls": list.id,
        "aria-label": label,
        placeholder,
        data: { focus },
    });
    input.value = shown;
    let found = [];
    let active = -1;
    let asked = 0;

    function close() {
        asked += 1;
        list.hidden = true;
        active = -1;
        input.setAttribute("aria-expanded", "false");
        input.removeAttribute("aria-activedescendant");
    }

    function take(choice) {
        close();
        input.value = choice.label;
        choose(choice);
    }

    function point(index) {
        const options = list.querySelectorAll("[role=option]");
        options[active]?.setAttribute("aria-selected", "false");
        active = options.length ? (index + options.length) % options.length : -1;
        if (active < 0) return;
        options[active].setAttribute("aria-selected", "true");
        options[active].scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", options[active].id);
    }

    function draw() {
        let group = "";
        const rows = [];
        for (const choice of found) {
            if (choice.group && choice.group !== group) {
                group = choice.group;
                rows.push(h("li", { role: "presentation", class: "rb-heading" }, group));
            }
            rows.push(
                h(
                    "li",
                    {
                        role: "option",
                        id: newId(),
                        "aria-selected": "false",
                        // Before the field loses its focus, and with it the list.
                        on: {
                            mousedown: (event) => {
                                event.preventDefault();
                                take(choice);
                            },
                        },
                    },
                    choice.label,
                ),
            );
        }
        if (!rows.length && emptyText) rows.push(h("li", { role: "presentation", class: "rb-heading" }, emptyText));
        list.replaceChildren(...rows);
        list.hidden = rows.length === 0;
        input.setAttribute("aria-expanded", String(!list.hidden));
        active = -1;
    }

    async function open(text) {
        const turn = (asked += 1);
        const answer = await find(text);
        if (turn !== asked || !input.isConnected) return;
        found = answer;
        draw();
    }

    input.addEventListener("input", () => {
        typed?.(input.value);
        open(input.value);
    });
    input.addEventListener("click", () => open(free ? input.value : ""));
    input.addEventListener("keydown", (event) => {
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (list.hidden) open(free ? input.value : "").then(() => point(0));
            else point(active + (event.key === "ArrowDown" ? 1 : -1));
        } else if (event.key === "Enter") {
            event.preventDefault();
            if (active >= 0) take(found[active]);
            else if (free && input.value) take({ value: input.value, label: input.value });
            else if (!list.hidden && found.length) take(found[0]);
        } else if (event.key === "Escape" && !list.hidden) {
            event.stopPropagation();
            close();
        }
    });
    input.addEventListener("blur", () => {
        close();
        if (free) choose({ value: input.value, label: input.value }, { left: true });
        else input.value = shown;
    });
    return h("span", { class: "rb-combo" }, input, list);
}
