// OAuth 2.0 Form Post Response Mode: send the form on. Without scripts the
// person presses its button.
document.querySelector("form[data-submit]").submit();
