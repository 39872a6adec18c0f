// The editors of a condition's value: one for each shape of an operator and kind of a field.

import { button, combobox, fill, h, select } from "./rule_parts.js";

export function defaultValue(shape, editor) {
    return {
        nothing: null,
        one: editor === "boolean" ? true : "",
        several: [],
        range: ["", ""],
        amount: { amount: 30, unit: "day" },
        period: "this_month",
        days: 7,
    }[shape];
}

const INPUTS = { number: "number", money: "number", date: "date", datetime: "datetime-local" };

// What a date with time is called in JSON, and in the browser's field for it, which knows no days and no zones.
const shownMoment = (value) => (/^\d{4}-\d\d-\d\d$/.test(value ?? "") ? `${value}T00:00` : (value ?? "").slice(0, 16));

export class ValueEditors {
    // `page` gives texts, periods, units, names of values, and `search(field, text, within)`.
    constructor(page) {
        this.page = page;
    }

    // The elements for one condition. `set(value, isFinal)` keeps what was entered; final means that the step is over.
    of({ field, shape, value, within, focus, set }) {
        const { texts } = this.page;
        const one = (part, label, current, keep) =>
            this.#one({ field, value: current, within, label, focus: `${focus}:${part}`, keep });
        switch (shape) {
            case "nothing":
                return [];
            case "one":
                return [one("value", texts.value, value, set)];
            case "range": {
                const ends = Array.isArray(value) ? [...value] : ["", ""];
                const keep = (index) => (given, isFinal) => {
                    ends[index] = given;
                    set([...ends], isFinal);
                };
                return [one("from", texts.from, ends[0], keep(0)), one("to", texts.to, ends[1], keep(1))];
            }
            case "several":
                return [this.#several({ field, value, within, focus, set })];
            case "amount": {
                const amount = { amount: "", unit: "day", ...(value ?? {}) };
                const keep = (part) => (isFinal) => (given) => {
                    amount[part] = given;
                    set({ ...amount }, isFinal);
                };
                return [
                    this.#number(texts.amount, amount.amount, `${focus}:amount`, keep("amount")),
                    select({
                        label: texts.unit,
                        options: this.page.units,
                        value: amount.unit,
                        focus: `${focus}:unit`,
                        change: keep("unit")(true),
                    }),
                ];
            }
            case "period":
                return [
                    select({
                        label: texts.period,
                        options: this.page.periods,
                        value,
                        focus: `${focus}:period`,
                        placeholder: texts.choose,
                        change: (given) => set(given, true),
                    }),
                ];
            default:
                return [
                    this.#number(texts.amount, value, `${focus}:days`, (isFinal) => (given) => set(given, isFinal)),
                ];
        }
    }

    #number(label, value, focus, keep) {
        const read = (isFinal) => (event) => keep(isFinal)(event.target.value === "" ? "" : Number(event.target.value));
        return h("input", {
            type: "number",
            min: 0,
            step: 1,
            class: "rb-input rb-short",
            "aria-label": label,
            value: value ?? "",
            data: { focus },
            on: { input: read(false), change: read(true) },
        });
    }

    #one({ field, value, within, label, focus, keep }) {
        const { texts } = this.page;
        if (field.editor === "boolean") {
            const change = (given) => keep(given === "true", true);
            return select({
                label,
                options: [
                    ["true", texts.yes],
                    ["false", texts.no],
                ],
                value,
                focus,
                change,
            });
        }
        if (field.editor === "choice") {
            const change = (given) => keep(this.#choice(field, given), true);
            return select({ label, options: field.choices, value, focus, change, placeholder: texts.choose });
        }
        if (field.editor === "search") {
            return combobox({
                label,
                shown: this.#name(field, value, within),
                placeholder: texts.searchValue,
                focus,
                emptyText: texts.nothingFound,
                find: (text) => this.page.search(field, text, within),
                choose: (choice) => {
                    this.page.remember(field, within, choice);
                    keep(choice.value, true);
                },
            });
        }
        if (field.editor === "text") {
            return combobox({
                label,
                shown: value ?? "",
                focus,
                free: true,
                find: (text) => this.page.search(field, text, within),
                typed: (text) => keep(text, false),
                choose: (choice) => keep(choice.value, true),
            });
        }
        const isMoment = field.editor === "datetime";
        const read = (isFinal) => (event) => keep(event.target.value, isFinal);
        return h("input", {
            type: INPUTS[field.editor],
            step: field.editor === "number" || field.editor === "money" ? "any" : null,
            class: "rb-input",
            "aria-label": label,
            value: isMoment ? shownMoment(value) : (value ?? ""),
            data: { focus },
            on: { input: read(false), change: read(true) },
        });
    }

    #several({ field, value, within, focus, set }) {
        const { texts } = this.page;
        const values = Array.isArray(value) ? value : [];
        const add = (given) => {
            if (given !== "" && !values.some((known) => String(known) === String(given)))
                set([...values, given], true, true);
        };
        const chips = values.map((each, index) => {
            const name = this.#name(field, each, within);
            return h(
                "li",
                { class: "rb-chip" },
                name,
                button({
                    text: "×",
                    label: fill(texts.removeValue, { value: name }),
                    focus: `${focus}:chip${index}`,
                    kind: "rb-quiet",
                    click: () => set(values.toSpliced(index, 1), true, true),
                }),
            );
        });
        const options = { label: texts.addValue, placeholder: texts.addValue, focus: `${focus}:add` };
        let adder;
        if (field.editor === "choice") {
            const left = field.choices.filter(([option]) => !values.some((known) => String(known) === String(option)));
            adder = select({
                ...options,
                options: left,
                value: "",
                placeholder: texts.choose,
                change: (given) => add(this.#choice(field, given)),
            });
        } else if (field.editor === "search" || field.editor === "text") {
            adder = combobox({
                ...options,
                free: field.editor === "text",
                find: (text) => this.page.search(field, text, within),
                choose: (choice, { left = false } = {}) => {
                    if (!left) this.page.remember(field, within, choice);
                    add(choice.value);
                },
            });
        } else {
            adder = h("input", {
                type: INPUTS[field.editor] ?? "text",
                step: "any",
                class: "rb-input",
                "aria-label": options.label,
                data: { focus: options.focus },
                on: {
                    keydown: (event) => {
                        if (event.key === "Enter") {
                            event.preventDefault();
                            add(event.target.value);
                        }
                    },
                    blur: (event) => add(event.target.value),
                },
            });
        }
        return h("span", { class: "rb-several" }, h("ul", { class: "rb-chips" }, chips), adder);
    }

    #choice(field, given) {
        return field.choices.find(([option]) => String(option) === given)?.[0] ?? given;
    }

    #name(field, value, within) {
        if (value === "" || value === null || value === undefined) return "";
        const chosen = field.choices?.find(([option]) => String(option) === String(value));
        return chosen?.[1] ?? this.page.nameOf(field, value, within) ?? String(value);
    }
}
