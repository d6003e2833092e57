// Changes of settings. The server answers with all settings, or with one line that says what is wrong.

export const element = (id) => document.getElementById(id);

/** Send changes and return the new settings. Throws an Error whose message is for people. */
export async function change(changes) {
  let answer;
  try {
    answer = await fetch("/api/settings", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(changes),
    });
  } catch {
    throw new Error("The camera does not answer, so that nothing was changed.");
  }
  if (answer.ok) return answer.json();
  const said = await answer.text();
  let line = said;
  try {
    line = JSON.parse(said).error;
  } catch {
    // plain text
  }
  throw new Error(line);
}

const SHOWN = 12000; // ms
let hiding;

/** Show an error for a while, or hide it. */
export function showError(message) {
  const place = element("error");
  place.textContent = message || "";
  place.hidden = !message;
  clearTimeout(hiding);
  if (message) hiding = setTimeout(() => showError(""), SHOWN);
}

/** Call a function that talks to the server, and show what goes wrong. */
export async function tried(call) {
  try {
    await call();
    showError("");
    return true;
  } catch (error) {
    showError(error.message);
    return false;
  }
}
