// Names come from files that anyone may have made. They are put in as text, and what a reader cannot see is written out.

// Controls, marks of direction, joiners, unpaired surrogates, blanks that are no space, and heaps of marks on one letter.
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|\p{M}{4,}/gu;

// Returns a name with its unseen characters as \u202e or \u{e0041}.
function visible(name) {
  return text(name).replace(unseen, (found) =>
    Array.from(found, (character) => {
      const code = character.codePointAt(0).toString(16);
      return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
    }).join(""),
  );
}

// Returns at most `limit` characters of a name: its end says most, its beginning helps to find it.
function shortened(name, limit) {
  const all = Array.from(visible(name));
  if (all.length <= limit) return all.join("");
  const tail = Math.ceil((limit - 1) * 0.6);
  return all.slice(0, limit - 1 - tail).join("") + "…" + all.slice(-tail).join("");
}

// Returns an element with a name. A long one is shortened, and a button beside it shows all of it.
function nameNode(name, limit = 120) {
  const all = visible(name);
  if (all === "") return el("span", { class: "none" }, "(no name)");
  const bdi = el("bdi", { class: "name", dir: "ltr" }, shortened(name, limit));
  const length = Array.from(all).length;
  if (length <= limit) return bdi;
  const button = el(
    "button",
    {
      type: "button",
      class: "more",
      "aria-expanded": "false",
      click: () => {
        const open = button.getAttribute("aria-expanded") !== "true";
        button.setAttribute("aria-expanded", String(open));
        button.textContent = open ? "shorten" : `all ${grouped(length)} characters`;
        bdi.textContent = open ? all : shortened(name, limit);
      },
    },
    `all ${grouped(length)} characters`,
  );
  return el("span", { class: "long-name" }, bdi, " ", button);
}
