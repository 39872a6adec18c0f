// Draws a rule's tree: groups as fieldsets, conditions as lines, with the buttons that change them.

import { button, combobox, fill, h, newId, select } from "./rule_parts.js";
import { emptyCondition, emptyGroup, insert, isGroup, keyOf, move, nodeAt, remove, step } from "./rule_tree.js";
import { ValueEditors, defaultValue } from "./rule_values.js";

const MODES = { all: ["and", false], any: ["or", false], none: ["or", true], notAll: ["and", true] };

const modeOf = (group) =>
    Object.keys(MODES).find(
        (mode) => MODES[mode][0] === (group.combinator ?? "and") && MODES[mode][1] === (group.not ?? false),
    ) ?? "all";

export class RuleDrawing {
    #dragged = null;

    constructor(page) {
        this.page = page;
        this.editors = new ValueEditors(page);
        this.own = new Map();
        this.choices = [];
        for (const group of page.groups) {
            for (const field of group.fields) this.#offer(field, group.label, { ...field });
            for (const many of group.collections) this.#offer(many, group.label, { ...many, isMany: true });
        }
    }

    root(tree) {
        return this.#group(tree, [], this.page.texts.who);
    }

    // Says at each condition what is wrong with it.
    showProblems(problems) {
        const texts = new Map();
        for (const { key, text, kind } of problems) if (!texts.has(key)) texts.set(key, { text, kind });
        for (const line of this.page.body.querySelectorAll("[data-key]")) {
            const problem = texts.get(line.dataset.key);
            const note = line.querySelector(":scope > .rb-note");
            note.textContent = problem?.text ?? "";
            note.hidden = !problem;
            line.classList.toggle("is-broken", problem?.kind === "broken");
            line.classList.toggle("is-wrong", problem?.kind === "wrong");
        }
    }

    #offer(field, group, kept) {
        this.own.set(field.path, kept);
        this.choices.push({ value: field.path, label: field.label, group });
    }

    // What can be named at this place: the entity's fields, or within a filter those of the collection.
    #within(place) {
        const filter = place.lastIndexOf("where");
        if (filter < 0) return { path: "", fields: this.own, choices: this.choices };
        const many = this.own.get(nodeAt(this.page.tree, place.slice(0, filter))?.field);
        const fields = new Map((many?.fields ?? []).map((field) => [field.path, field]));
        return {
            path: many?.path ?? "",
            fields,
            choices: [...fields.values()].map(({ path, label }) => ({ value: path, label })),
        };
    }

    #group(group, place, title) {
        const { texts } = this.page;
        const key = `${keyOf(place)}:group`;
        const mode = select({
            label: title,
            options: Object.keys(MODES)
                .filter((each) => each !== "notAll" || modeOf(group) === each)
                .map((each) => [each, texts[each]]),
            value: modeOf(group),
            focus: `${key}:mode`,
            change: (given) => {
                [group.combinator, group.not] = MODES[given];
                this.page.changed();
            },
        });
        const add = (text, node) =>
            button({
                text: `+ ${text}`,
                focus: `${key}:${text}`,
                click: () => {
                    const at = insert(this.page.tree, place, group.rules.length, node());
                    const first = isGroup(nodeAt(this.page.tree, at))
                        ? `${keyOf(at)}:group:mode`
                        : `${keyOf(at)}:field`;
                    this.page.changed({ redraw: true, focus: first, said: texts.added });
                },
            });
        const parts = group.rules.map((part, index) => this.#part(part, [...place, index]));
        const list = h("ol", { class: "rb-parts" }, parts);
        this.#acceptDrops(list, place);
        return h(
            "fieldset",
            { class: "rb-group" },
            h("legend", { class: "rb-legend" }, `${title} `, mode),
            group.rules.length === 0 && place.length === 0 ? h("p", { class: "rb-subtle" }, texts.everybody) : null,
            list,
            h("div", { class: "rb-bar" }, add(texts.addCondition, emptyCondition), add(texts.addGroup, emptyGroup)),
        );
    }

    #part(part, place) {
        const { texts } = this.page;
        const number = place.at(-1) + 1;
        const name = fill(isGroup(part) ? texts.group : texts.condition, { number });
        const note = h("p", { class: "rb-note", id: newId(), hidden: true });
        const line = h(
            "li",
            {
                class: isGroup(part) ? "rb-part rb-part-group" : "rb-part",
                "aria-label": name,
                "aria-describedby": note.id,
                data: { key: keyOf(place) },
            },
            isGroup(part) ? this.#group(part, place, texts.who) : this.#condition(part, place),
            this.#handles(place, name, isGroup(part)),
            note,
        );
        const many = this.#within(place).fields.get(part.field);
        if (many?.isMany && part.where) line.append(this.#group(part.where, [...place, "where"], texts.filter));
        return line;
    }

    #handles(place, name, ofGroup) {
        const { texts, tree } = this.page;
        const key = keyOf(place);
        const go = (direction) => () => {
            const at = step(tree, place, direction);
            if (at)
                this.page.changed({
                    redraw: true,
                    focus: `${keyOf(at)}:${direction > 0 ? "down" : "up"}`,
                    said: texts.moved,
                });
        };
        const take = () => {
            remove(tree, place);
            const group = place.slice(0, -1);
            const next = nodeAt(tree, group).rules.length
                ? `${keyOf([...group, Math.max(0, place.at(-1) - 1)])}:remove`
                : `${keyOf(group)}:group:mode`;
            this.page.changed({ redraw: true, focus: next, said: texts.removed });
        };
        const grip = h("span", { class: "rb-grip", draggable: "true", title: texts.drag, "aria-hidden": "true" }, "⠿");
        grip.addEventListener("dragstart", (event) => {
            this.#dragged = place;
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData("text/plain", name);
        });
        grip.addEventListener("dragend", () => {
            this.#dragged = null;
        });
        return h(
            "span",
            { class: ofGroup ? "rb-handles rb-handles-group" : "rb-handles" },
            grip,
            button({ text: "↑", label: `${texts.up}: ${name}`, focus: `${key}:up`, kind: "rb-quiet", click: go(-1) }),
            button({
                text: "↓",
                label: `${texts.down}: ${name}`,
                focus: `${key}:down`,
                kind: "rb-quiet",
                click: go(1),
            }),
            button({
                text: "×",
                label: `${texts.remove}: ${name}`,
                focus: `${key}:remove`,
                kind: "rb-quiet",
                click: take,
            }),
        );
    }

    #acceptDrops(list, place) {
        const positionOf = (event) => {
            const lines = [...list.children];
            const before = lines.findIndex(
                (line) => event.clientY < line.getBoundingClientRect().top + line.offsetHeight / 2,
            );
            return before < 0 ? lines.length : before;
        };
        list.addEventListener("dragover", (event) => {
            if (this.#dragged) {
                event.preventDefault();
                event.stopPropagation();
            }
        });
        list.addEventListener("drop", (event) => {
            if (!this.#dragged) return;
            event.preventDefault();
            event.stopPropagation();
            const at = move(this.page.tree, this.#dragged, place, positionOf(event));
            this.#dragged = null;
            if (at) this.page.changed({ redraw: true, focus: `${keyOf(at)}:up`, said: this.page.texts.moved });
        });
    }

    #condition(node, place) {
        const { texts } = this.page;
        const within = this.#within(place);
        const known = within.fields.get(node.field);
        const key = keyOf(place);
        const picker = combobox({
            label: texts.field,
            shown: known?.label ?? node.field ?? "",
            placeholder: texts.searchField,
            focus: `${key}:field`,
            emptyText: texts.nothingFound,
            find: (text) =>
                within.choices.filter(({ label, group = "" }) =>
                    `${group} ${label}`.toLowerCase().includes(text.toLowerCase()),
                ),
            choose: (choice) => this.#choose(node, within.fields.get(choice.value), key),
        });
        const parts = known
            ? known.isMany
                ? this.#many(node, known, key)
                : this.#asked(node, known, key, within.path)
            : [];
        return h("span", { class: "rb-condition" }, picker, parts);
    }

    #choose(node, field, key) {
        for (const name of Object.keys(node)) delete node[name];
        const operators = field.isMany ? field.measures[0].operators : field.operators;
        const [first] = operators;
        Object.assign(node, {
            field: field.path,
            operator: first.name,
            value: field.isMany ? true : defaultValue(first.shape, field.editor),
        });
        if (field.isMany) node.measure = field.measures[0].name;
        this.page.changed({ redraw: true, focus: `${key}:operator` });
    }

    #asked(node, field, key, within) {
        return this.#compared(node, field, field.operators, key, within);
    }

    #compared(node, field, operators, key, within) {
        const { texts } = this.page;
        const operator = operators.find(({ name }) => name === node.operator);
        const choose = (given) => {
            const shape = operators.find(({ name }) => name === given).shape;
            if (shape !== operator?.shape) node.value = defaultValue(shape, field.editor);
            node.operator = given;
            this.page.changed({ redraw: true, focus: `${key}:operator` });
        };
        const comparison = select({
            label: texts.operator,
            options: operators.map(({ name, label }) => [name, label]),
            value: node.operator,
            focus: `${key}:operator`,
            placeholder: texts.choose,
            change: choose,
        });
        if (!operator) return [comparison];
        const set = (value, isFinal = true, redraw = false) => {
            if (JSON.stringify(value) === JSON.stringify(node.value) && !redraw && !isFinal) return;
            node.value = value;
            this.page.changed({ isFinal, redraw, focus: redraw ? `${key}:add` : undefined });
        };
        return [
            comparison,
            ...this.editors.of({ field, shape: operator.shape, value: node.value, within, focus: key, set }),
        ];
    }

    #many(node, many, key) {
        const { texts, measures } = this.page;
        const measure = many.measures.find(({ name }) => name === (node.measure ?? "exists")) ?? many.measures[0];
        const take = (given) => {
            const chosen = many.measures.find(({ name }) => name === given);
            node.measure = given;
            delete node.of;
            this.#start(node, chosen, chosen.of[0]);
            this.page.changed({ redraw: true, focus: `${key}:measure` });
        };
        const parts = [
            select({
                label: texts.measure,
                options: many.measures.map(({ name }) => [name, measures[name]]),
                value: measure.name,
                focus: `${key}:measure`,
                change: take,
            }),
        ];
        if (measure.of.length) {
            const change = (given) => {
                this.#start(
                    node,
                    measure,
                    measure.of.find(({ path }) => path === given),
                );
                this.page.changed({ redraw: true, focus: `${key}:of` });
            };
            parts.push(
                select({
                    label: texts.of,
                    options: measure.of.map(({ path, label }) => [path, label]),
                    value: node.of,
                    focus: `${key}:of`,
                    placeholder: texts.choose,
                    change,
                }),
            );
        }
        const editor = measure.name === "exists" ? "boolean" : "number";
        const field = measure.of.find(({ path }) => path === node.of) ?? {
            path: many.path,
            editor,
            operators: measure.operators,
            can_be_searched: false,
        };
        if (!measure.of.length || node.of) parts.push(...this.#compared(node, field, field.operators, key, many.path));
        const toggle = () => {
            if (node.where) delete node.where;
            else node.where = { ...emptyGroup(), rules: [emptyCondition()] };
            this.page.changed({ redraw: true, focus: node.where ? `${key}/0:field` : `${key}:filter` });
        };
        parts.push(
            button({ text: node.where ? texts.removeFilter : texts.addFilter, focus: `${key}:filter`, click: toggle }),
        );
        return parts;
    }

    // The first comparison that a measure offers, with a value that fits it.
    #start(node, measure, of) {
        if (of) node.of = of.path;
        const [first] = of?.operators ?? measure.operators;
        const editor = of?.editor ?? (measure.name === "exists" ? "boolean" : "number");
        Object.assign(node, { operator: first.name, value: defaultValue(first.shape, editor) });
    }
}
