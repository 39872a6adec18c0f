// A rule as a tree, and what can be done to it. Nothing in here knows the page.
//
// A place is a list of steps from the root: a number is a position in a group, "where" the filter of a condition on
// many records. A tree is changed in place; whoever keeps a history takes copies.

export const VERSION = 1;

export const emptyGroup = () => ({ combinator: "and", not: false, rules: [] });
export const emptyCondition = () => ({ field: "", operator: "", value: null });

export const isGroup = (node) => Array.isArray(node?.rules);

export function readTree(text) {
    let read;
    try {
        read = JSON.parse(text || "{}");
    } catch {
        return null;
    }
    if (read === null || typeof read !== "object" || Array.isArray(read)) return null;
    return { ...emptyGroup(), ...read, rules: Array.isArray(read.rules) ? read.rules : [] };
}

export function writeTree(tree) {
    return JSON.stringify(tree.rules.length ? { version: VERSION, ...tree } : {}, null, 2);
}

export function nodeAt(tree, place) {
    return place.reduce((node, step) => (step === "where" ? node?.where : node?.rules?.[step]), tree);
}

export function parentOf(tree, place) {
    return nodeAt(tree, place.slice(0, -1));
}

// The server names places as "2.0", and "2.0/1" within the filter of a condition.
export function keyOf(place) {
    const filter = place.indexOf("where");
    if (filter < 0) return place.join(".");
    return `${place.slice(0, filter).join(".")}/${place.slice(filter + 1).join(".")}`;
}

export function remove(tree, place) {
    const [taken] = parentOf(tree, place).rules.splice(place.at(-1), 1);
    return taken;
}

export function insert(tree, groupPlace, position, node) {
    nodeAt(tree, groupPlace).rules.splice(position, 0, node);
    return [...groupPlace, position];
}

// One step up or down as one reads: past a neighbour, into a group that is next, out of the group at its end.
// Answers the new place, or null where there is nowhere to go.
export function step(tree, place, direction) {
    const group = place.slice(0, -1);
    const position = place.at(-1);
    const neighbour = parentOf(tree, place).rules[position + direction];
    if (neighbour === undefined) {
        if (group.length === 0 || group.at(-1) === "where") return null;
        const taken = remove(tree, place);
        return insert(tree, group.slice(0, -1), group.at(-1) + (direction > 0 ? 1 : 0), taken);
    }
    const taken = remove(tree, place);
    if (isGroup(neighbour)) {
        const inner = [...group, direction > 0 ? position : position - 1];
        return insert(tree, inner, direction > 0 ? 0 : neighbour.rules.length, taken);
    }
    return insert(tree, group, position + direction, taken);
}

// To a position of a group, wherever both are. Null where a group would come into itself, or a filter be left.
export function move(tree, from, groupPlace, position) {
    const isWithin = from.every((part, index) => groupPlace[index] === part);
    const filterOf = (place) => place.slice(0, place.indexOf("where") + 1).join();
    if (isWithin || filterOf(from) !== filterOf([...groupPlace, position])) return null;
    const node = remove(tree, from);
    // What was taken out no longer counts where the same group, or one that contains it, is counted.
    const depth = from.length - 1;
    const path = [...groupPlace, position];
    const sameGroup = from.slice(0, -1).every((part, index) => path[index] === part);
    if (sameGroup && typeof path[depth] === "number" && path[depth] > from[depth]) path[depth] -= 1;
    return insert(tree, path.slice(0, -1), path.at(-1), node);
}

export class History {
    #past = [];
    #future = [];
    #present;

    constructor(tree) {
        this.#present = JSON.stringify(tree);
    }

    // Keeps the tree as the next step, if anything changed.
    keep(tree) {
        const now = JSON.stringify(tree);
        if (now === this.#present) return false;
        this.#past.push(this.#present);
        this.#present = now;
        this.#future = [];
        return true;
    }

    undo() {
        return this.#go(this.#past, this.#future);
    }

    redo() {
        return this.#go(this.#future, this.#past);
    }

    get canUndo() {
        return this.#past.length > 0;
    }

    get canRedo() {
        return this.#future.length > 0;
    }

    #go(from, to) {
        if (!from.length) return null;
        to.push(this.#present);
        this.#present = from.pop();
        return JSON.parse(this.#present);
    }
}
