// The colours: what the system prefers, until a person presses the button. It runs before the page is shown.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("edge-preview-theme");
    } catch {
      return null; // storage may be switched off
    }
  };
  const kept = stored();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try {
        localStorage.setItem("edge-preview-theme", root.dataset.theme);
      } catch {
        // the choice lasts until the page is closed
      }
    });
  });
})();
