// Passkeys: asks the browser, puts its answer into the form and sends it. Without this script, or in
// a browser without passkeys, the buttons stay hidden and the codes are there.
const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
};

const text = (buffer) => {
  if (!buffer) return undefined;
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const ids = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

const asked = ({ publicKey: said }) => ({
  publicKey: {
    ...said,
    challenge: bytes(said.challenge),
    ...(said.user ? { user: { ...said.user, id: bytes(said.user.id) } } : {}),
    ...(said.excludeCredentials ? { excludeCredentials: ids(said.excludeCredentials) } : {}),
    ...(said.allowCredentials ? { allowCredentials: ids(said.allowCredentials) } : {}),
  },
});

const answered = (found) => ({
  id: found.id,
  rawId: text(found.rawId),
  type: found.type,
  clientExtensionResults: found.getClientExtensionResults(),
  response: {
    clientDataJSON: text(found.response.clientDataJSON),
    attestationObject: text(found.response.attestationObject),
    authenticatorData: text(found.response.authenticatorData),
    signature: text(found.response.signature),
    userHandle: text(found.response.userHandle),
    transports: found.response.getTransports?.(),
  },
});

const optionsOf = async (form) => {
  const kept = form.querySelector("script[type='application/json']");
  if (kept) return JSON.parse(kept.textContent);
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  const response = await fetch(form.dataset.options, { method: "POST", body });
  if (!response.ok) throw new Error("no options");
  return response.json();
};

const use = async (form) => {
  const said = form.querySelector("[data-passkey-sorry]");
  said.hidden = true;
  try {
    const options = await optionsOf(form);
    const found = options.creation_options
      ? await navigator.credentials.create(asked(options.creation_options))
      : await navigator.credentials.get(asked(options.request_options));
    form.elements.credential.value = JSON.stringify(answered(found));
    form.requestSubmit();
  } catch {
    said.hidden = false; // the person said no, or no passkey fits
  }
};

document.querySelectorAll("form[data-passkey]").forEach((form) => {
  if (!window.PublicKeyCredential) return;
  form.hidden = false;
  form.querySelector("[data-passkey-go]").addEventListener("click", () => use(form));
});
