// Elements are built, never parsed from text: what a document or an answer contains is shown, and cannot run.

/** A new element. Attributes named `on…` are listeners; null, undefined and false attributes and children are left out. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A button that copies the text that `read` returns, and says so. */
export function copyButton(read, label) {
  const button = element("button", { type: "button", class: "small" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed"; // browsers offer the clipboard to https and loopback pages only
    }
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}
