/* wsrun: numbers, tables and choices. No document is needed by this and the files that
   follow it up to build.js: the same text draws the charts of a page and the SVG files. */
(function (root) {
  'use strict';

  /* ---- numbers: as the console prints them (scenario/metric) ---- */

  /* round3 rounds to three significant digits, a tie to the even one as Go does; from 1000 on
     to a whole number. */
  function round3(v) {
    if (v >= 1000) return Math.round(v);
    if (v === 0) return 0;
    const long = v.toExponential(20);
    if (/^\d\.\d\d50*e/.test(long) && '02468'.includes(long[3])) return Number(long.slice(0, 4) + long.slice(long.indexOf('e')));
    return Number(v.toExponential(2));
  }

  /* digits gives three significant digits without an exponent. */
  function digits(v) {
    v = round3(v);
    if (v === 0) return '0';
    if (v >= 100) return v.toFixed(0);
    if (v >= 10) return v.toFixed(1);
    if (v >= 1) return v.toFixed(2);
    const e = Number(v.toExponential().split('e')[1]);
    if (v >= 1e-6) return v.toFixed(2 - e);
    return v.toExponential().split('e')[0] + 'e-' + String(-e).padStart(2, '0');
  }

  function seconds(v) {
    const r = round3(v);
    if (r === 0) return '0s';
    if (r < 1e-6) return digits(v * 1e9) + 'ns';
    if (round3(v * 1e6) < 1000) return digits(v * 1e6) + 'us';
    if (round3(v * 1e3) < 1000) return digits(v * 1e3) + 'ms';
    return digits(v) + 's';
  }

  function scaled(v) {
    if (v < 1000 && v === Math.trunc(v)) return String(v);
    for (const [per, name] of [[1, ''], [1e3, 'k'], [1e6, 'M'], [1e9, 'G']]) {
      if (round3(v / per) < 1000) return digits(v / per) + name;
    }
    return digits(v / 1e9) + 'G';
  }

  const two = (n) => String(n).padStart(2, '0');

  /* date gives a moment (seconds since 1970) in UTC, as exact as the seconds in sight (range) need: to
     the second, the minute, or the day alone. */
  function date(v, range) {
    const t = new Date(v * 1000);
    if (isNaN(t)) return '';
    const d = t.getUTCFullYear() + '-' + two(t.getUTCMonth() + 1) + '-' + two(t.getUTCDate());
    if (range > 4 * 86400) return d;
    const at = two(t.getUTCHours()) + ':' + two(t.getUTCMinutes());
    return range < 1200 ? at + ':' + two(t.getUTCSeconds()) : d + ' ' + at;
  }

  /* short gives a number as the console does: a unit where it is short (212ms, 604k, 98.2%). */
  function short(unit, v) {
    if (v === null || v === undefined || !isFinite(v)) return '';
    if (unit === 'date') return date(v);
    if (v < 0) return '-' + short(unit, -v);
    switch (unit) {
      case 's': return seconds(v);
      case '%': return digits(v) + '%';
      case 'x': return digits(v) + 'x';
      case 'GiB': case 'min': return digits(v);
      case 'GB/s': return digits(v) + ' GB/s';
    }
    return scaled(v);
  }

  const carried = {s: true, '%': true, x: true, date: true, '': true}; // units that short prints, or has no need of

  /* print is short with its unit in full: for tooltips and sentences. */
  function print(unit, v) {
    const text = short(unit, v);
    return text === '' || carried[unit] || unit === 'GB/s' ? text : text + ' ' + unit;
  }

  /* tick is short for an axis, whose name has the unit: without zeros that say nothing. */
  function tick(unit, v) {
    const text = unit === 'date' ? date(v) : unit === 'GB/s' ? digits(v) : short(unit, v);
    return unit === 'date' ? text : text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
  }

  /* clock gives minutes as minutes and seconds: 0:12, where 0.2 min is nothing that people say. */
  function clock(v) {
    const s = Math.round(Math.abs(v) * 600) / 10, m = Math.floor(s / 60), rest = Number((s - 60 * m).toFixed(1));
    return (v < 0 && s > 0 ? '-' : '') + m + ':' + (rest < 10 ? '0' : '') + rest;
  }

  /* titled gives an axis its name: with the unit, unless its numbers carry it. */
  function titled(name, unit) {
    return !unit || carried[unit] ? name : name ? name + ', ' + unit : unit;
  }

  /* ---- tables ---- */

  const bounds = Symbol('bounds');

  /* measured keeps numbers that somebody can have measured: cells have at most twelve decimals, and no
     scale of a chart ends where 1e300 does. */
  function measured(v) { return !isFinite(v) || Math.abs(v) > 1e18 ? null : Math.abs(v) < 1e-12 ? 0 : v; }

  /* moment reads "2026-11-24 10:09:36", a time in UTC, as seconds since 1970. */
  function moment(text) { return Date.parse(text.replace(' ', 'T') + 'Z') / 1000; }

  /* table reads the texts of a table: columns are {key, head, unit, text}, cells a list of rows
     of texts. A number is a number, no data is null; which cells are lower bounds is kept beside
     them. Keys are names of users and servers too, so that rows have no prototype. */
  function table(columns, cells) {
    const rows = cells.map((texts) => {
      const row = Object.create(null);
      row[bounds] = null;
      for (let i = 0; i < columns.length; i++) {
        const c = columns[i];
        let t = texts[i] === undefined ? '' : texts[i].trim();
        if (c.text) { row[c.key] = t; continue; }
        if (t[0] === '≥') {
          row[bounds] = row[bounds] || Object.create(null);
          row[bounds][c.key] = true;
          t = t.slice(1);
        }
        const v = t === '' ? null : c.unit === 'date' ? moment(t) : Number(t);
        row[c.key] = v === null ? null : measured(v);
      }
      return row;
    });
    const units = Object.create(null), heads = Object.create(null);
    columns.forEach((c) => { units[c.key] = c.unit || ''; heads[c.key] = c.head || c.key; });
    return {rows, units, heads, keys: columns.map((c) => c.key)};
  }

  const none = table([], []);

  /* tableOf gives a table of the page; one that is not there has no rows. */
  function tableOf(ctx, id) { return (ctx.tables && Object.hasOwn(ctx.tables, id) && ctx.tables[id]) || none; }

  /* number gives a cell's number, or null. */
  function number(row, key) {
    const v = row[key];
    return typeof v === 'number' ? v : null;
  }

  /* low says whether a cell is only a lower bound. */
  function low(row, key) { return row[bounds] !== null && row[bounds][key] === true; }

  /* ---- what a reader chose ---- */

  function controls(ctx) { return (ctx.view && ctx.view.controls) || []; }
  function control(ctx, id) { return controls(ctx).find((c) => c.id === id); }

  function chosen(ctx, id) {
    const c = control(ctx, id);
    if (!c) return [];
    return (ctx.state && Object.hasOwn(ctx.state, id) && ctx.state[id]) || c.default || [];
  }

  /* option gives what is chosen of a control with one choice, or its first option. */
  function option(ctx, id) {
    const c = control(ctx, id), v = chosen(ctx, id)[0];
    if (!c || !c.options || !c.options.length) return undefined;
    return c.options.find((o) => o.value === v) || c.options[0];
  }

  function on(ctx, id) { return chosen(ctx, id)[0] === 'on'; }

  /* same says whether a cell is what an option says; cells have six digits. */
  function same(cell, value) {
    if (typeof cell !== 'number') return cell !== null && cell !== undefined && String(cell) === value;
    const v = Number(value);
    return value !== '' && Math.abs(cell - v) <= 1e-5 * Math.abs(v);
  }

  /* keeps says whether a row is among those that the controls of where choose. */
  function keeps(ctx, where, row) {
    return (where || []).every((id) => {
      const c = control(ctx, id);
      if (!c) return true;
      const values = chosen(ctx, id);
      return (c.options || []).some((o) => values.includes(o.value) &&
        (o.match ? row[o.match] === 1 : !c.key || same(row[c.key], o.value)));
    });
  }

  /* beside gives the rows of a second table (transitions, capacities) that belong to rows of the
     first: whatever a control chooses by must be theirs too, or be left empty. */
  function beside(ctx, where, rows, others) {
    const keys = (where || []).map((id) => control(ctx, id)).filter((c) => c && c.key).map((c) => c.key);
    const sets = keys.map((key) => new Set(rows.map((r) => r[key])));
    return others.filter((o) => keys.every((key, i) => o[key] === null || o[key] === undefined || o[key] === '' || sets[i].has(o[key])));
  }

  const ends = Object.assign(Object.create(null), {
    working_set: {lo: 'size_lo', hi: 'size_hi', at: 'working_set'},
    reuse_distance: {lo: 'edge_lo', hi: 'edge_hi', at: 'reuse_distance'},
  });

  /* axisX says which column is x, in what unit, times what, and under which columns the second
     tables have it. */
  function axisX(ctx, chart) {
    const bind = chart.bind, t = tableOf(ctx, bind.table), o = bind.x ? undefined : option(ctx, 'x');
    const key = bind.x || (o && o.key) || t.keys[0] || '';
    const own = ends[key] || {}, axis = [].concat((chart.option || {}).xAxis || [])[0] || {};
    return {
      key, unit: o ? o.unit || '' : t.units[key] || '', scale: (o && o.scale) || 1,
      name: o ? o.label : axis.name || t.heads[key] || key,
      lo: (o && o.lo) || own.lo, hi: (o && o.hi) || own.hi, at: (o && o.at) || own.at,
    };
  }

  root.wsrun = {short, print, tick, clock, titled, date, table, tableOf, number, low, controls, control, chosen, option, on, keeps, beside, axisX};
})(typeof globalThis === 'undefined' ? this : globalThis);
