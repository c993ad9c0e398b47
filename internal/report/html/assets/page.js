/* wsrun: what a page does: its sections, what a reader chose, its colours. */
(function (root) {
  'use strict';
  const W = root.wsrun, doc = document, make = W.make;
  const sections = [...doc.querySelectorAll('section.view')]; // a single file's grow as they are opened
  const single = 'single' in doc.body.dataset;
  const pages = new Map(); // by section: those that were shown

  /* ---- what a reader chose: by control, a list of values ---- */

  /* asked reads a fragment: #level=40&rates=100,50, in a single file #page?level=40. */
  function asked() {
    const text = location.hash.slice(1), cut = text.indexOf('?'), out = Object.create(null);
    const name = cut >= 0 ? text.slice(0, cut) : text.includes('=') ? '' : text;
    const plain = (s) => { try { return decodeURIComponent(s); } catch { return s; } };
    (cut >= 0 ? text.slice(cut + 1) : name ? '' : text).split('&').filter(Boolean).forEach((part) => {
      const [id, values] = [part.split('=')[0], part.slice(part.indexOf('=') + 1)];
      out[plain(id)] = values === '' ? [] : values.split(',').map(plain);
    });
    return {name: plain(name), state: out};
  }

  /* choose takes what a fragment asks for, where it is one of what can be chosen. */
  function choose(page, state) {
    page.view.controls.forEach((c) => {
      const known = c.kind === 'switch' ? ['on'] : (c.options || []).map((o) => o.value);
      const values = state[c.id] && state[c.id].filter((v) => known.includes(v));
      page.state[c.id] = values && (values.length || c.kind !== 'one') ? values : [...(c.default || [])];
    });
  }

  /* remember puts what differs from the default into the address, to be sent to others. */
  function remember(page) {
    const parts = page.view.controls.filter((c) => String(page.state[c.id]) !== String(c.default || []))
      .map((c) => encodeURIComponent(c.id) + '=' + page.state[c.id].map(encodeURIComponent).join(','));
    const name = single ? page.section.id : '';
    const hash = '#' + name + (name && parts.length ? '?' : '') + parts.join('&');
    try { history.replaceState(null, '', hash); } catch { /* an address that may not change: the view is still right */ }
  }

  /* ---- controls ---- */

  const box = (c, value, label) => make('label', {}, make('input', {type: 'checkbox', name: c.id, value}), label);

  function control(c) {
    if (c.kind === 'switch') return box(c, 'on', c.label);
    if (c.kind === 'many') return make('fieldset', {class: 'many'}, make('legend', {}, c.label), ...(c.options || []).map((o) => box(c, o.value, o.label)));
    return make('label', {}, c.label, make('select', {name: c.id}, ...(c.options || []).map((o) => make('option', {value: o.value}, o.label))));
  }

  /* fill shows the state in the form. */
  function fill(page) {
    page.form.querySelectorAll('select').forEach((el) => { el.value = page.state[el.name][0]; });
    page.form.querySelectorAll('input').forEach((el) => { el.checked = page.state[el.name].includes(el.value); });
  }

  function changed(page, el) {
    page.state[el.name] = el.type === 'checkbox'
      ? [...page.form.querySelectorAll('input')].filter((i) => i.name === el.name && i.checked).map((i) => i.value)
      : [el.value];
    remember(page);
    W.again(page);
  }

  /* A control with one thing to choose is none. */
  const useful = (c) => c.kind === 'switch' || (c.options || []).length > 1;

  /* ---- sections ---- */

  const shared = doc.getElementById('wsrun-charts');
  const common = shared ? JSON.parse(shared.textContent) : [];

  function mount(section) {
    const view = JSON.parse(section.querySelector('script.view-data').textContent);
    view.controls = view.controls || [];
    view.charts = view.use ? view.use.map((i) => common[i]) : view.charts || [];
    const page = {section, view, state: Object.create(null), tables: W.tables(section), zoom: null};
    pages.set(section, page);
    choose(page, {});
    if (!view.charts.length) return page;
    page.form = section.querySelector('.controls');
    page.form.append(...view.controls.filter(useful).map(control));
    page.form.addEventListener('change', (e) => changed(page, e.target));
    page.form.addEventListener('submit', (e) => e.preventDefault());
    W.figures(page);
    return page;
  }

  /* open shows a section with what the fragment asks for. */
  function open(section, state) {
    const page = pages.get(section) || mount(section);
    section.hidden = false;
    choose(page, state);
    if (page.form) fill(page);
    W.again(page);
  }

  /* unpack opens the pages of a single file that are compressed with the one that is asked for. */
  async function unpack(name) {
    const block = [...doc.querySelectorAll('script[data-pages]')].find((el) => el.dataset.pages.split(' ').includes(name));
    if (!block) return;
    const text = await root.wsrunInflate(block);
    if (!block.isConnected) return; // asked for twice
    const more = [...new DOMParser().parseFromString(text, 'text/html').querySelectorAll('section.view')];
    more.forEach((section) => { section.hidden = true; });
    sections.push(...more);
    doc.getElementById('main').append(...more);
    block.remove();
  }

  /* go follows the fragment: to a section of a single file, to a place in a section, to a view. */
  async function go() {
    const {name, state} = asked();
    if (!single) {
      if (!doc.getElementById(name) || !pages.size) sections.forEach((s) => open(s, state));
      return;
    }
    if (name && !doc.getElementById(name)) await unpack(name);
    const target = name && doc.getElementById(name);
    const section = (target && target.closest('section.view')) || sections.find((s) => pages.has(s) && !s.hidden) || sections[0];
    sections.forEach((s) => { s.hidden = s !== section; });
    if (target !== doc.getElementById('main') || !pages.has(section)) open(section, state);
    mark(section);
    if (target === section) scrollTo(0, 0);
    else if (target) target.scrollIntoView();
  }

  /* mark tells the navigation of a single file where one is. */
  function mark(section) {
    doc.querySelectorAll('header nav a').forEach((a) => {
      if (a.getAttribute('href') === '#' + section.id) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    });
  }

  /* ---- colours: as the system has them, or as chosen, for as long as the tab lives ---- */

  const kept = {
    get: () => { try { return sessionStorage.getItem('wsrun-theme'); } catch { return null; } },
    set: (v) => { try { sessionStorage.setItem('wsrun-theme', v); } catch { /* blocked: for this page only */ } },
  };

  function paint(value) {
    if (value === 'light' || value === 'dark') doc.documentElement.dataset.theme = value;
    else delete doc.documentElement.dataset.theme;
    W.again();
  }

  function themes() {
    const select = make('select', {name: 'theme'}, ...['auto', 'light', 'dark'].map((v) => make('option', {value: v}, v)));
    select.value = kept.get() || 'auto';
    if (select.selectedIndex < 0) select.value = 'auto';
    select.addEventListener('change', () => { kept.set(select.value); paint(select.value); });
    doc.querySelector('.top').append(make('label', {class: 'theme'}, 'Colours', select));
    paint(select.value);
  }

  doc.documentElement.classList.add('js');
  themes();
  addEventListener('hashchange', go);
  go().then(W.ready);
})(globalThis);
