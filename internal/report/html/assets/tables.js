/* wsrun: the tables of a page. They are read for the charts, sorted and filtered. */
(function (root) {
  'use strict';
  const W = root.wsrun, doc = document;

  /* make gives an element: its tag, properties, children. Text only ever goes in as text. */
  W.make = function (tag, props, ...children) {
    const el = doc.createElement(tag);
    for (const [k, v] of Object.entries(props || {})) {
      if (v === undefined || v === null) continue;
      if (k === 'class') el.className = v;
      else if (k.startsWith('on')) el.addEventListener(k.slice(2), v);
      else if (k in el && !k.startsWith('aria')) el[k] = v;
      else el.setAttribute(k, v);
    }
    el.append(...children.filter((c) => c !== null && c !== undefined));
    return el;
  };
  const make = W.make;

  /* title is a column's head without its unit. */
  const title = (th) => [...th.childNodes].filter((n) => n.nodeName !== 'SMALL').map((n) => n.textContent).join('').trim();

  /* read gives the columns and the texts of a table. order is that of its rows, most how many
     of them are shown at once: a table of thousands then sorts and filters without delay. */
  function read(el) {
    const columns = [...el.tHead.rows[0].cells].map((th) => ({key: th.dataset.key, unit: th.dataset.unit || '', text: th.classList.contains('text'), head: title(th)}));
    const rows = [...el.tBodies[0].rows];
    return {el, columns, rows, cells: rows.map((tr) => Array.from(tr.cells, (td) => td.textContent.trim())),
      order: rows.map((_, i) => i), most: Math.max(50, Math.min(200, Math.floor(2000 / columns.length)))};
  }

  /* place puts the first rows that the filter left where they belong, the others out of sight. It
     returns how many the filter left. */
  function place(t) {
    const left = t.order.filter((i) => !t.rows[i].hidden), shown = doc.createDocumentFragment();
    left.forEach((i, n) => {
      t.rows[i].classList.toggle('more', n >= t.most);
      if (n < t.most) shown.append(t.rows[i]);
    });
    t.el.tBodies[0].prepend(shown);
    return left.length;
  }

  /* whole puts all rows where they belong: for paper, which has them all. */
  const known = [];
  W.whole = () => known.forEach((t) => {
    const all = doc.createDocumentFragment();
    t.order.forEach((i) => all.append(t.rows[i]));
    t.el.tBodies[0].append(all);
  });

  /* ---- sorting ---- */

  const words = new Intl.Collator('en', {numeric: true});

  /* isText says whether cells compare as texts: so do dates, which are written year first. */
  const isText = (c) => c.text || c.unit === 'date';

  /* number reads a cell: a lower bound sorts just behind its number. */
  function number(text) {
    const bound = text[0] === '≥';
    return {v: text === '' ? NaN : Number(bound ? text.slice(1) : text), bound};
  }

  /* order gives the row numbers in the order of a column; dir is 1 or -1. Rows that are equal
     keep their order, and those without a value come last in both directions. */
  function order(t, col, dir) {
    const text = isText(t.columns[col]);
    const keys = t.cells.map((c) => text ? c[col] : number(c[col]));
    const empty = (k) => text ? k === '' : Number.isNaN(k.v);
    const compare = text ? words.compare : (a, b) => a.v - b.v || a.bound - b.bound;
    return keys.map((_, i) => i).sort((a, b) => {
      const ea = empty(keys[a]), eb = empty(keys[b]);
      if (ea || eb) return ea - eb || a - b;
      return dir * compare(keys[a], keys[b]) || a - b;
    });
  }

  /* head makes a column's head a button: ascending, descending, as written. */
  function head(t, th, col) {
    const key = t.columns[col].key;
    th.title = (th.title ? th.title + '\n' : '') + 'Column ' + key + '. Press to sort.';
    const button = make('button', {type: 'button'}, ...th.childNodes);
    button.addEventListener('click', () => {
      const was = th.getAttribute('aria-sort');
      [...th.parentNode.cells].forEach((c) => c.removeAttribute('aria-sort'));
      if (was === 'descending') t.order = t.rows.map((_, i) => i);
      else {
        th.setAttribute('aria-sort', was ? 'descending' : 'ascending');
        t.order = order(t, col, was ? -1 : 1);
      }
      place(t);
    });
    th.append(button);
  }

  /* ---- filtering ---- */

  const comparison = /([^\s<>=!]+)\s*(<=|>=|!=|=|<|>)\s*("[^"]*"|[^\s"]+)/g;
  const scales = {us: 1e-6, ms: 1e-3, s: 1, '%': 1, '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9};
  const holds = {
    '<': (d) => d < 0, '>': (d) => d > 0, '<=': (d) => d <= 0, '>=': (d) => d >= 0, '=': (d) => d === 0, '!=': (d) => d !== 0,
  };

  /* limit reads the right side of a comparison with numbers: 0.5, 500ms, 1.2M, 99%. */
  function limit(text) {
    const m = /^(-?[\d.]+)(us|ms|s|%|[kKMG]?)$/.exec(text);
    return m ? Number(m[1]) * scales[m[2]] : NaN;
  }

  /* tests makes what a filter asks for into functions of a row's texts. An unknown column or a
     number that is none is an error, told to whoever types. */
  function tests(t, text) {
    const out = [];
    const rest = text.replace(comparison, (_, name, op, value) => {
      const col = t.columns.findIndex((c) => c.key.toLowerCase() === name.toLowerCase());
      if (col < 0) throw new Error('no column is called ' + name);
      const wanted = value.replace(/^"|"$/g, ''), keep = holds[op];
      if (wanted === '') out.push((c) => (op === '=') === (c[col] === ''));
      else if (isText(t.columns[col])) out.push((c) => keep(words.compare(c[col].toLowerCase(), wanted.toLowerCase())));
      else {
        const n = limit(wanted);
        if (Number.isNaN(n)) throw new Error(wanted + ' is not a number');
        out.push((c) => { const v = number(c[col]).v; return !Number.isNaN(v) && keep(v - n); });
      }
      return ' ';
    });
    const search = rest.toLowerCase().split(/\s+/).filter(Boolean);
    if (search.length) out.push((c) => { const all = c.join('\n').toLowerCase(); return search.every((w) => all.includes(w)); });
    return out;
  }

  function filter(t) {
    const count = make('output', {}), all = t.rows.length;
    const more = make('button', {type: 'button', onclick: () => { t.most = Infinity; say(); }}, 'Show all');
    function say() {
      const n = place(t);
      more.hidden = n <= t.most;
      count.textContent = (n === all ? '' : n + ' of ') + all + ' rows' + (n > t.most ? ', the first ' + t.most + ' shown' : '');
    }
    const input = make('input', {type: 'search', placeholder: 'words, or ' + example(t), spellcheck: false, autocomplete: 'off'});
    input.addEventListener('input', () => {
      let asked;
      try { asked = tests(t, input.value); } catch (e) { count.textContent = e.message; return; }
      t.rows.forEach((tr, i) => { tr.hidden = !asked.every((f) => f(t.cells[i])); });
      say();
    });
    say();
    return make('div', {class: 'tools'}, make('label', {}, 'Filter rows', input), count, more);
  }

  /* example is a comparison that this table can answer. */
  function example(t) {
    const has = (key) => t.columns.some((c) => c.key === key);
    if (has('ttft.p95')) return 'ttft.p95 > 0.5';
    const c = t.columns.find((o) => !o.text) || t.columns[0];
    return c.key + ' > 1';
  }

  /* tables reads all tables of a section for its charts, and makes the sortable ones so. */
  W.tables = function (section) {
    const out = Object.create(null);
    section.querySelectorAll('table.data').forEach((el) => {
      const t = read(el);
      out[el.dataset.table] = W.table(t.columns, t.cells);
      if (!el.classList.contains('sortable')) return;
      known.push(t);
      [...el.tHead.rows[0].cells].forEach((th, i) => head(t, th, i));
      if (t.rows.length > 10) el.closest('.scroll').before(filter(t));
    });
    return out;
  };
})(globalThis);
