// Passkeys, and a button that copies. Buttons for them are hidden until this runs, so that
// the pages say nothing of what a browser cannot do.
(() => {
  "use strict";
  const able = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    if (!able) break;
    const form = button.form;
    const told = document.getElementById(button.getAttribute("aria-describedby"));
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      if (told) told.hidden = true;
      try {
        const options = JSON.parse(button.dataset.options).publicKey;
        const made = button.dataset.passkey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
        form.elements.credential.value = JSON.stringify(made.toJSON());
        if (button.dataset.action) form.action = button.dataset.action;
        form.submit();
      } catch (error) {
        button.disabled = false;
        if (told) { told.hidden = false; told.focus(); }
      }
    });
  }
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = button.dataset.done;
    });
  }
})();
