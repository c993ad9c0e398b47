/* wsrun: how the tables of a page become charts. No document is needed: the same text draws the SVG files. */
(function (root) {
  'use strict';

  /* ---- numbers ---- */

  const si = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

  /* digits: three significant ones, no exponent. */
  function digits(v) {
    if (v === 0) return '0';
    const a = Math.abs(v);
    if (a >= 100) return String(Math.round(v));
    if (a < 1e-6) return v.toPrecision(3);
    return v.toFixed(Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(a) + 1e-12))));
  }

  function seconds(v) {
    const a = Math.abs(v);
    if (a === 0) return '0s';
    if (a < 0.9995e-3) return digits(v * 1e6) + 'us';
    if (a < 0.9995) return digits(v * 1e3) + 'ms';
    return digits(v) + 's';
  }

  function scaled(v) {
    const a = Math.abs(v);
    if (a < 1000 && a === Math.trunc(a)) return String(v);
    for (const [per, name] of si) if (a >= 0.9995 * per) return digits(v / per) + name;
    return digits(v);
  }

  /* print gives a number with its unit, as the console table does. */
  function print(unit, v) {
    if (v === null || v === undefined) return '';
    switch (unit) {
      case 's': return seconds(v);
      case '%': return digits(v) + '%';
      case 'x': return digits(v) + 'x';
      case 'min': return digits(v) + ' min';
      case 'GiB': case 'GB/s': return digits(v) + ' ' + unit;
      case 'tokens': case '': return scaled(v);
    }
    return scaled(v) + ' ' + unit;
  }

  /* tick is print for an axis, whose name has the unit. */
  function tick(unit, v) {
    if (unit === 's' || unit === '%') return print(unit, v).replace(/\.?0+(?=[a-z%])/, '');
    return scaled(v).replace(/\.?0+(?=[kMG]?$)/, (m) => (m[0] === '.' ? '' : m));
  }

  /* ---- tables ---- */

  /* table reads the texts of a table: columns are {key, unit, text}, cells a list of rows of texts.
     A number is a number, no data is null; bounds names the cells that are only lower bounds. */
  function table(columns, cells) {
    const rows = cells.map((texts) => {
      const row = {bounds: {}};
      columns.forEach((c, i) => {
        let t = texts[i] === undefined ? '' : texts[i].trim();
        if (c.text) { row[c.key] = t; return; }
        if (t[0] === '≥') { row.bounds[c.key] = true; t = t.slice(1); }
        row[c.key] = t === '' ? null : Number(t);
      });
      return row;
    });
    const units = {};
    columns.forEach((c) => { units[c.key] = c.unit || ''; });
    return {rows, units, keys: columns.map((c) => c.key)};
  }

  /* ---- what a reader chose ---- */

  function control(ctx, id) { return ctx.view.controls.find((c) => c.id === id); }

  function chosen(ctx, id) {
    const c = control(ctx, id);
    if (!c) return [];
    return ctx.state[id] || c.default;
  }

  function option(ctx, id) {
    const c = control(ctx, id), v = chosen(ctx, id)[0];
    return c && (c.options || []).find((o) => o.value === v);
  }

  /* keeps says whether a row is among those that the controls of where choose. */
  function keeps(ctx, where, row) {
    return (where || []).every((id) => {
      const c = control(ctx, id);
      if (!c) return true;
      const values = chosen(ctx, id);
      return (c.options || []).some((o) => values.includes(o.value) &&
        (o.match ? row[o.match] === 1 : String(row[c.key]) === o.value));
    });
  }

  function axisX(ctx, bind) {
    if (bind.x) return {key: bind.x, unit: ctx.tables[bind.table].units[bind.x], scale: 1, name: bind.x};
    const o = option(ctx, 'x');
    return {key: o.key, unit: o.unit, scale: o.scale || 1, name: o.label, lo: o.lo, hi: o.hi, at: o.at};
  }

  /* ---- looks ---- */

  /* Okabe and Ito's colours, which the colour-blind tell apart, darkened or lightened for the page. */
  const themes = {
    light: {ink: '#1b1f24', soft: '#57606a', line: '#d0d7de', page: '#ffffff', band: 'rgba(87,96,106,.12)', limit: '#b4231f',
      colours: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#2f9bd6', '#6f4aa8', '#444b54']},
    dark: {ink: '#e6edf3', soft: '#9da7b3', line: '#30363d', page: '#0f1419', band: 'rgba(157,167,179,.16)', limit: '#ff7b72',
      colours: ['#56b4e9', '#e69f00', '#2fc79b', '#e7a3c8', '#f0e442', '#8fb8ff', '#c3a6ff', '#c9d1d9']},
  };

  /* point gives one datum: hollow where it is doubtful, a cross where it is invalid. */
  function point(x, y, row, bound) {
    const d = {value: [x, y], row, bound};
    if (row.validity === 'doubtful') { d.symbol = 'emptyCircle'; d.symbolSize = 9; }
    if (row.validity === 'invalid') { d.symbol = 'path://M0,0L10,10M10,0L0,10'; d.symbolSize = 9; }
    if (bound) { d.symbol = 'emptyTriangle'; d.symbolSize = 9; }
    return d;
  }

  const most = 8; // lines at once: more cannot be told apart

  /* groups gives the values of bind.by among rows, ascending, each with its colour. */
  function groups(ctx, bind, rows) {
    if (!bind.by) return [{value: null, name: ''}];
    const c = ctx.view.controls.find((o) => o.key === bind.by && o.kind === 'many');
    const all = [...new Set(ctx.tables[bind.table].rows.map((r) => r[bind.by]))].filter((v) => v !== null).sort((a, b) => a - b);
    const here = new Set(rows.map((r) => r[bind.by]));
    const unit = ctx.tables[bind.table].units[bind.by];
    return all.map((v, i) => ({value: v, name: c ? c.options.find((o) => Number(o.value) === v)?.label || print(unit, v) : print(unit, v), colour: i}))
      .filter((g) => here.has(g.value));
  }

  /* ---- lines ---- */

  function lines(chart, ctx) {
    const bind = chart.bind, look = themes[ctx.theme], x = axisX(ctx, bind);
    const rows = ctx.tables[bind.table].rows.filter((r) => keeps(ctx, bind.where, r) && r[x.key] !== null);
    const stats = chosen(ctx, 'stats'), out = [];
    const gs = groups(ctx, bind, rows);
    gs.forEach((g) => bind.y.forEach((y, i) => {
      if (y.stat && stats.length && !stats.includes(y.stat)) return;
      if (out.length >= most) return;
      const mine = rows.filter((r) => g.value === null || r[bind.by] === g.value)
        .sort((a, b) => a[bind.join || x.key] - b[bind.join || x.key]);
      const data = mine.filter((r) => r[y.key] !== null).map((r) => point(r[x.key] * x.scale, r[y.key], r, r.bounds[y.key]));
      if (!data.length) return;
      const colour = look.colours[(g.value === null ? i : g.colour) % look.colours.length];
      const s = Object.assign({}, chart.option.series[i], {name: [g.name, y.name].filter(Boolean).join(' '), data, color: colour, symbolSize: 6, emphasis: {focus: 'series'}});
      s.unit = bind.unit[y.axis || 0];
      out.push(s);
    }));
    return {series: out, x, rows};
  }

  /* limits draws thresholds across the first series. */
  function limits(chart, ctx, series) {
    const refs = chart.bind.refs || [], look = themes[ctx.theme];
    if (!refs.length || !series.length) return;
    series.push({type: 'line', name: 'limits', data: [], silent: true, tooltip: {show: false}, markLine: {
      silent: true, symbol: 'none', animation: false, lineStyle: {color: look.limit, type: 'dashed', width: 1.5},
      label: {color: look.limit, position: 'insideEndTop', formatter: '{b}'},
      data: refs.map((r) => ({name: r.name + ' ' + print(chart.bind.unit[r.axis || 0], r.y), yAxis: r.y})),
    }});
  }

  function tip(unitX, nameX) {
    return (params) => {
      const list = Array.isArray(params) ? params : [params];
      if (!list.length) return '';
      const head = nameX + ' ' + print(unitX, list[0].value[0]);
      return [head].concat(list.map((p) => {
        const bound = p.data.bound ? '≥' : '';
        return p.marker + ' ' + p.seriesName + '  ' + bound + print(p.data.unit, p.value[1]) +
          (p.data.row && p.data.row.validity && p.data.row.validity !== 'ok' ? '  (' + p.data.row.validity + ': ' + p.data.row.reasons + ')' : '');
      })).join('\n');
    };
  }

  /* dress gives axes, legend and tooltip their theme, units and room. */
  function dress(chart, ctx, made) {
    const look = themes[ctx.theme], o = Object.assign({}, chart.option), narrow = ctx.width < 600;
    const all = made.rows.map((r) => r[made.x.key] * made.x.scale).filter((v) => v > 0);
    const log = all.length > 1 && Math.max(...all) / Math.min(...all) > 10;
    made.series.forEach((s) => (s.data || []).forEach((d) => { d.unit = s.unit; }));
    const text = {color: look.soft};
    o.backgroundColor = ctx.page ? look.page : 'transparent';
    o.animation = false;
    o.textStyle = {color: look.ink, fontFamily: 'system-ui, sans-serif'};
    o.grid = {left: narrow ? 56 : 72, right: narrow ? 16 : 28, top: 44, bottom: 48};
    o.legend = Object.assign({}, o.legend, {textStyle: text, inactiveColor: look.line, pageTextStyle: text, data: made.series.filter((s) => s.data.length).map((s) => s.name)});
    o.xAxis = Object.assign({}, [].concat(o.xAxis)[0], {type: log ? 'log' : 'value', name: made.x.name, nameTextStyle: text,
      axisLabel: Object.assign({color: look.soft, hideOverlap: true, formatter: (v) => tick(made.x.unit, v)}), axisLine: {lineStyle: {color: look.line}}, splitLine: {show: false}});
    if (log) { o.xAxis.min = Math.min(...all); o.xAxis.max = Math.max(...all); }
    o.yAxis = [].concat(o.yAxis).map((a, i) => Object.assign({}, a, {nameTextStyle: text, axisLabel: {color: look.soft, formatter: (v) => tick(chart.bind.unit[i], v)}, splitLine: {lineStyle: {color: look.line}}}));
    o.tooltip = Object.assign({}, o.tooltip, {renderMode: 'richText', confine: true, backgroundColor: look.page, borderColor: look.line, textStyle: {color: look.ink, fontSize: 12}, formatter: tip(made.x.unit, made.x.name)});
    o.series = made.series;
    return o;
  }

  /* build makes the whole echarts option of a chart. ctx: tables by id, view, state (what the
     reader chose, by control), theme (light, dark), width in px, page (paint the background). */
  function build(chart, ctx) {
    const made = lines(chart, ctx);
    limits(chart, ctx, made.series);
    return dress(chart, ctx, made);
  }

  root.wsrun = {build, table, print, themes};
})(typeof globalThis === 'undefined' ? this : globalThis);
