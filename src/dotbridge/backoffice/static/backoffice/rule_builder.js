// The rule builder: makes a text field that holds a rule as JSON into groups and conditions that one sets by mouse or
// keyboard. It keeps the text field up to date, so that the form is sent as ever; without it the JSON is there to edit.

import { RuleDrawing } from "./rule_drawing.js";
import { button, fill, h } from "./rule_parts.js";
import { History, readTree, writeTree } from "./rule_tree.js";

const PAUSE = 400;

class RuleBuilder extends HTMLElement {
    #asked = new AbortController();
    #timer = 0;
    #names = {};

    async connectedCallback() {
        if (this.text) return; // moved within the page
        this.text = document.getElementById(this.getAttribute("for"));
        this.entityField = document.getElementById(this.getAttribute("entity-field"));
        if (!this.text) return;
        this.#enclose();
        this.entityField?.addEventListener("change", () => this.#load());
        this.text.addEventListener("change", () => this.#readText());
        this.addEventListener("keydown", (event) => this.#shortcut(event));
        await this.#load();
    }

    // Everything that the drawing asks of its page.
    get texts() {
        return this.page.texts;
    }
    get periods() {
        return this.page.periods;
    }
    get units() {
        return this.page.units;
    }
    get measures() {
        return this.page.measures;
    }
    get groups() {
        return this.page.groups;
    }

    nameOf(field, value, within) {
        return this.#names[field.path]?.[String(value)] ?? this.#names[`${within}/${field.path}`]?.[String(value)];
    }

    remember(field, within, choice) {
        (this.#names[field.path] ??= {})[String(choice.value)] = choice.label;
    }

    async search(field, text, within) {
        if (!field.can_be_searched) return [];
        const asked = new URLSearchParams({ entity: this.entity, field: field.path, text, within: within ?? "" });
        const answer = await this.#ask(`${this.getAttribute("values")}?${asked}`);
        return answer?.values ?? [];
    }

    // Called by the drawing: `isFinal` ends a step that can be undone, `redraw` names what gets the focus then.
    changed({ isFinal = true, redraw = false, focus, said } = {}) {
        // Who only goes through a field changes nothing, and is not asked when they leave the page.
        const isNews = !isFinal || this.history.keep(this.tree);
        if (!isNews && !redraw) return;
        this.text.value = writeTree(this.tree);
        if (redraw) this.draw(focus);
        this.#bar();
        if (said) this.said.textContent = said;
        this.#tellForm();
        this.#schedule();
    }

    draw(focus) {
        const wanted = focus ?? document.activeElement?.dataset?.focus;
        this.body.replaceChildren(this.drawing.root(this.tree));
        this.drawing.showProblems(this.problems ?? []);
        if (wanted && (focus || this.contains(document.activeElement) || document.activeElement === document.body)) {
            this.body.querySelector(`[data-focus="${CSS.escape(wanted)}"]`)?.focus();
        }
    }

    get entity() {
        return this.entityField?.value || this.getAttribute("entity");
    }

    #enclose() {
        this.json = h("details", { class: "rb-json" }, h("summary", {}, "JSON"));
        this.text.before(this, this.json);
        this.json.append(this.text);
        this.bar = h("div", { class: "rb-bar" });
        this.words = h("p", { class: "rb-words" });
        this.body = h("div");
        this.result = h("div", { class: "rb-result", role: "status" });
        this.said = h("p", { class: "rb-unseen", role: "status" });
        this.classList.add("rb");
        this.replaceChildren(this.words, this.bar, this.body, this.result, this.said);
    }

    async #load() {
        const { entity } = this;
        if (!entity) return;
        // What is drawn is of another entity, and would be drawn anew under the hands of whoever goes on.
        this.body.inert = true;
        const answer = await this.#ask(`${this.getAttribute("catalogue")}?${new URLSearchParams({ entity })}`);
        if (!answer || entity !== this.entity) return;
        this.body.inert = false;
        if (answer.refusal) {
            this.result.textContent = answer.refusal;
            this.json.open = true;
            return;
        }
        this.page = answer;
        this.drawing = new RuleDrawing(this);
        this.tree ??= readTree(this.text.value) ?? readTree("");
        this.history ??= new History(this.tree);
        this.draw();
        this.#bar();
        this.#preview();
    }

    #readText() {
        const tree = readTree(this.text.value);
        if (!tree || !this.page) return;
        this.tree = tree;
        this.history.keep(tree);
        this.draw();
        this.#bar();
        this.#preview();
    }

    #bar() {
        const { texts } = this;
        const focus = document.activeElement?.dataset?.focus;
        this.bar.replaceChildren(
            button({
                text: texts.undo,
                focus: "undo",
                disabled: !this.history.canUndo,
                click: () => this.#goBack(this.history.undo()),
            }),
            button({
                text: texts.redo,
                focus: "redo",
                disabled: !this.history.canRedo,
                click: () => this.#goBack(this.history.redo()),
            }),
        );
        if (focus === "undo" || focus === "redo") this.bar.querySelector("button:not([disabled])")?.focus();
    }

    #goBack(tree) {
        if (!tree) return;
        this.tree = tree;
        this.text.value = writeTree(tree);
        this.draw();
        this.#bar();
        this.#tellForm();
        this.#schedule();
    }

    // So that the page offers to save, and asks before it is left.
    #tellForm() {
        this.text.dispatchEvent(new Event("input", { bubbles: true }));
    }

    #shortcut(event) {
        if (!(event.ctrlKey || event.metaKey) || event.target === this.text) return;
        const key = event.key.toLowerCase();
        const isBack = key === "z" && !event.shiftKey;
        if (!isBack && key !== "y" && !(key === "z" && event.shiftKey)) return;
        event.preventDefault();
        // What is being typed is a step of its own.
        this.history.keep(this.tree);
        this.#goBack(isBack ? this.history.undo() : this.history.redo());
    }

    #schedule() {
        clearTimeout(this.#timer);
        this.#asked.abort();
        this.#timer = setTimeout(() => this.#preview(), PAUSE);
    }

    async #preview() {
        this.#asked.abort();
        this.#asked = new AbortController();
        this.result.classList.add("is-asking");
        const asked = new URLSearchParams({ entity: this.entity, list: this.getAttribute("list") ?? "" });
        const answer = await this.#ask(`${this.getAttribute("preview")}?${asked}`, {
            method: "POST",
            body: JSON.stringify(this.tree.rules.length ? this.tree : {}),
            headers: {
                "Content-Type": "application/json",
                "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "",
            },
            signal: this.#asked.signal,
        });
        if (!answer) return;
        this.result.classList.remove("is-asking");
        if (answer.refusal) {
            this.result.textContent = answer.refusal;
            return;
        }
        this.#learn(answer.names);
        this.problems = answer.problems;
        this.words.textContent = answer.words;
        this.drawing.showProblems(answer.problems);
        this.result.replaceChildren(...this.#numbers(answer));
    }

    #learn(names) {
        let isNews = false;
        for (const [path, known] of Object.entries(names)) {
            const own = (this.#names[path] ??= {});
            for (const [value, name] of Object.entries(known)) {
                isNews ||= own[value] !== name;
                own[value] = name;
            }
        }
        if (isNews && !this.body.contains(document.activeElement)) this.draw();
    }

    #numbers(answer) {
        const { texts } = this;
        const number = new Intl.NumberFormat(document.documentElement.lang || undefined);
        const shown = [];
        if (answer.took_too_long) shown.push(h("p", { class: "rb-problem" }, texts.tooLong));
        else if (answer.count === null) shown.push(h("p", { class: "rb-problem" }, texts.notCounted));
        else
            shown.push(
                h(
                    "p",
                    { class: "rb-count" },
                    answer.count === 1 ? texts.one : fill(texts.many, { number: number.format(answer.count) }),
                ),
            );
        const unfinished = answer.problems.filter((problem) => problem.kind === "incomplete").length;
        if (unfinished)
            shown.push(
                h(
                    "p",
                    { class: "rb-subtle" },
                    unfinished === 1 ? texts.oneIncomplete : fill(texts.incomplete, { number: unfinished }),
                ),
            );
        for (const problem of answer.problems)
            if (!problem.key) shown.push(h("p", { class: "rb-problem" }, problem.text));
        if (answer.change) shown.push(h("p", { class: "rb-change" }, answer.change.join(" ")));
        if (answer.sample.length) {
            const people = answer.sample.map(({ name, email }) =>
                h("li", {}, name, email ? h("span", { class: "rb-subtle" }, ` ${email}`) : null),
            );
            shown.push(
                h("details", { class: "rb-sample", open: true }, h("summary", {}, texts.first), h("ol", {}, people)),
            );
        }
        return shown;
    }

    // The answer, null for one that is not wanted any more.
    async #ask(address, options = {}) {
        try {
            const response = await fetch(address, { credentials: "same-origin", ...options });
            return await response.json();
        } catch (error) {
            if (error.name === "AbortError") return null;
            this.result.classList.remove("is-asking");
            return { refusal: this.page?.texts.offline ?? "?" };
        }
    }
}

customElements.define("rule-builder", RuleBuilder);
