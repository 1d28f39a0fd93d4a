(() => {
  const { dataset } = document.body;
  for (const input of document.querySelectorAll('input[type=password]')) {
    const button = document.createElement('button');
    const set = (shown) => {
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? dataset.hide : dataset.show;
      button.setAttribute('aria-pressed', shown);
    };
    button.type = 'button';
    button.className = 'reveal';
    button.setAttribute('aria-controls', input.id);
    button.addEventListener('click', () => { set(input.type === 'password'); input.focus(); });
    set(false);
    const box = document.createElement('div');
    box.className = 'box';
    const focused = document.activeElement === input;
    input.replaceWith(box);
    box.append(input, button);
    if (focused || input.autofocus) input.focus();
    // What a browser keeps as the password must not be a plain text field.
    if (input.form) input.form.addEventListener('submit', () => set(false));
  }
  let common;
  for (const live of document.querySelectorAll('.live')) {
    const input = document.getElementById(live.id.replace(/-live$/, ''));
    input.addEventListener('input', async () => {
      common = common || fetch(dataset.list).then((list) => list.text()).then((list) => new Set(list.split('\n')), () => new Set());
      const list = await common, password = input.value.normalize('NFC');
      const bad = [...password].length < input.minLength ? dataset.short : list.has(password.toLowerCase()) ? dataset.common : '';
      live.textContent = password ? bad || dataset.good : '';
      live.classList.toggle('good', !bad);
    });
  }
})();
(() => {
  const form = document.querySelector('form[data-passkey]');
  if (!form || !window.PublicKeyCredential) return;
  const creates = form.dataset.passkey === 'create';
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  const parsed = (o) => {
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const c of o.allowCredentials || o.excludeCredentials || []) c.id = bytes(c.id);
    return o;
  };
  let options = form.dataset.options, made = Date.now(), waiting;
  // A challenge is good for five minutes, and a page may lie open for hours.
  const fresh = async () => {
    if (form.dataset.renew && Date.now() - made > 240000) {
      const answer = await fetch(form.dataset.renew, { method: 'POST' });
      options = JSON.stringify((await answer.json()).options);
      made = Date.now();
    }
    return parsed(JSON.parse(options));
  };
  const send = (credential) => {
    const from = credential.response, response = {};
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'])
      if (from[name]) response[name] = text(from[name]);
    if (from.getTransports) response.transports = from.getTransports();
    form.elements.credential.value = JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {},
    });
    form.submit();
  };
  const suggest = async () => {
    try {
      waiting = new AbortController();
      const renewal = setTimeout(() => { waiting.abort(); suggest(); }, 270000);
      const credential = await navigator.credentials.get({ publicKey: await fresh(), mediation: 'conditional', signal: waiting.signal });
      clearTimeout(renewal);
      if (credential) send(credential);
    } catch { /* the button is there */ }
  };
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const failed = form.querySelector('[role=alert]');
    failed.hidden = true;
    try {
      if (waiting) waiting.abort();
      const publicKey = await fresh();
      send(await (creates ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));
    } catch {
      failed.hidden = false;
    }
  });
  const can = PublicKeyCredential.isConditionalMediationAvailable;
  if (form.dataset.renew && can) can.call(PublicKeyCredential).then((yes) => { if (yes) suggest(); });
})();
