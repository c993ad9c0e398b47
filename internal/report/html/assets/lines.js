/* wsrun: which lines a chart has, and their series. */
(function (root) {
  'use strict';
  const W = root.wsrun;
  const {number, low, chosen, control, controls, option, on, keeps, tableOf, axisX, short, fade} = W;

  const most = 8; // lines at once: more cannot be told apart
  const order = ['p95', 'p50', 'p99', 'avg', 'max']; // which statistics stay when there are more

  function marked(bind, name) { return (bind.marks || []).includes(name); }

  /* loose says whether a chart draws its points without a line between them. */
  function loose(chart) { return ((chart.option || {}).series || []).some((s) => s.type === 'scatter'); }

  /* groups gives the values of bind.by in the table, ascending, each with its colour and its name:
     the option's of the control that chooses them. */
  function groups(ctx, bind, rows) {
    if (!bind.by) return [{value: null, name: ''}];
    const t = tableOf(ctx, bind.table), names = controls(ctx).find((c) => c.key === bind.by && c.kind === 'many');
    const has = (v) => v !== null && v !== undefined && v !== '';
    const all = [...new Set(t.rows.map((r) => r[bind.by]))].filter(has);
    if (all.every((v) => typeof v === 'number')) all.sort((a, b) => a - b); // texts stand in the order of the table
    const here = new Set(rows.map((r) => r[bind.by]));
    const name = (v) => {
      const o = names && (names.options || []).find((o) => (typeof v === 'number' ? Number(o.value) === v : o.value === v));
      return o ? o.label : typeof v === 'number' ? short(t.units[bind.by], v) : v;
    };
    return all.map((v, i) => ({value: v, name: name(v), colour: i, alone: all.length === 1})).filter((g) => here.has(g.value));
  }

  /* stats gives the statistics of a chart that the reader wants to see. */
  function stats(ctx, bind) {
    const c = control(ctx, 'stats'), values = chosen(ctx, 'stats');
    const offered = new Set(c ? (c.options || []).map((o) => o.value) : []);
    return (bind.y || []).map((y, i) => ({y, i})).filter(({y}) => !y.stat || !offered.has(y.stat) || values.includes(y.stat));
  }

  /* few keeps whole statistics for all groups while there are at most eight lines, then groups
     evenly, and says what it left out. */
  function few(lines) {
    if (lines.length <= most) return {lines, left: ''};
    const rank = (y) => { const k = order.indexOf(y.stat); return k < 0 ? order.length : k; };
    const ys = [...new Set(lines.map((l) => l.i))].sort((a, b) => {
      const la = lines.find((l) => l.i === a), lb = lines.find((l) => l.i === b);
      return rank(la.y) - rank(lb.y) || a - b;
    });
    let kept = [], left = [];
    for (const i of ys) {
      const more = lines.filter((l) => l.i === i);
      if (!left.length && kept.length + more.length <= most) kept = kept.concat(more);
      else if (!kept.length) {
        kept = W.evenly(more, most);
        left = more.filter((l) => !kept.includes(l)).map((l) => l.g.name || l.name);
      } else left.push(more[0].y.name);
    }
    kept.sort((a, b) => lines.indexOf(a) - lines.indexOf(b));
    return {lines: kept, left: 'Shown: ' + kept.length + ' of ' + lines.length + ' lines; left out: ' + left.join(', ') + '.'};
  }

  /* recompute gives the rows without reuse (hit rate 0) that stand beside those shown: the same
     choices, but for the hit rate. */
  function recompute(chart, ctx) {
    const bind = chart.bind;
    if (!marked(bind, 'recompute')) return [];
    const where = (bind.where || []).filter((id) => { const c = control(ctx, id); return !c || c.key !== 'hit_rate'; });
    return tableOf(ctx, bind.table).rows.filter((r) => number(r, 'hit_rate') === 0 && keeps(ctx, where, r));
  }

  /* value gives a statistic of a row as it is drawn, and whether it is only a bound: 1 from below,
     -1 from above. As a speed-up it is held against the row without reuse. */
  function value(row, y, zero, by) {
    const v = number(row, y.key);
    if (!zero || v === null) return {v, bound: low(row, y.key) ? 1 : 0};
    const z = zero.find((r) => number(r, y.key) !== null && (!by || by === 'hit_rate' || r[by] === row[by]));
    const ref = z ? number(z, y.key) : null;
    if (ref === null || !(ref > 0) || !(v > 0)) return {v: null, bound: 0};
    const over = y.lower ? [ref, v, low(z, y.key), low(row, y.key)] : [v, ref, low(row, y.key), low(z, y.key)];
    if (over[2] && over[3]) return {v: null, bound: 0};
    return {v: over[0] / over[1], bound: over[2] ? 1 : over[3] ? -1 : 0};
  }

  /* pick reads the lines of a chart from its table. Points without a value are left out, or kept as
     gaps (time). missing are rows that were planned here and have nothing to show, by x. */
  function pick(chart, ctx, gaps) {
    const bind = chart.bind, x = axisX(ctx, chart), zero = recompute(chart, ctx);
    const rows = tableOf(ctx, bind.table).rows.filter((r) => keeps(ctx, bind.where, r) && !(zero.length && number(r, 'hit_rate') === 0));
    const speed = marked(bind, 'recompute') && on(ctx, 'speedup');
    const gs = groups(ctx, bind, rows), shown = stats(ctx, bind), lines = [];
    const drawn = new Set(), at = bind.join || x.key, templates = (chart.option || {}).series || [];
    for (const {y, i} of shown) {
      for (const g of gs) {
        const points = [];
        for (const r of rows) {
          if (bind.by && r[bind.by] !== g.value) continue;
          const px = number(r, x.key);
          if (px === null) continue;
          const got = value(r, y, speed ? zero : null, bind.by);
          if (got.v === null && !gaps) continue;
          if (got.v !== null) drawn.add(r);
          points.push({x: px * x.scale, y: got.v, at: number(r, at), row: r, bound: got.bound});
        }
        if (!points.some((p) => p.y !== null)) continue;
        points.sort((a, b) => (a.at === null ? 1 : b.at === null ? -1 : a.at - b.at));
        if (gaps && !(templates[i] || {}).step) breaks(points);
        lines.push({name: naming(bind, g, y), g, y, i, points, axis: y.axis || 0, unit: speed ? 'x' : (bind.unit || [])[y.axis || 0] || ''});
      }
    }
    const missing = rows.filter((r) => number(r, x.key) !== null && !drawn.has(r) && lines.length && !gaps);
    const stacked = templates.some((s) => s.stack);
    return Object.assign({x, rows, zero, speed, missing, stacked, chosen: shown.length > 0}, stacked ? {lines, left: ''} : few(lines));
  }

  /* breaks puts a gap where the periods have one: what an ingest did belongs to none of them, and a line
     across it would show what nobody has measured. */
  function breaks(points) {
    for (let i = points.length - 1; i > 0; i--) {
      const from = number(points[i - 1].row, 'end'), to = number(points[i].row, 'start'), end = number(points[i].row, 'end');
      if (from === null || to === null || end === null || to - from <= 0.1 * (end - to)) continue;
      points.splice(i, 0, {x: (from + to) / 2, y: null, at: null, row: points[i - 1].row, bound: 0, gap: true});
    }
  }

  function naming(bind, g, y) {
    if (!g.name || (g.alone && bind.y.length > 1)) return y.name;
    return bind.y.length === 1 ? g.name : g.name + ' ' + y.name;
  }

  /* paint gives each line its colour: of its group, or of its statistic where there are no groups. */
  function paint(lines, look) {
    const apart = new Set(lines.map((l) => l.g.value)), many = lines.length && lines[0].g.value !== null && !(apart.size === 1 && lines[0].g.alone);
    const crowd = many && lines.some((l) => l.g.colour >= look.colours.length);
    const ranks = [...apart];
    lines.forEach((l) => { l.colour = look.colours[(many ? (crowd ? ranks.indexOf(l.g.value) : l.g.colour) : l.i) % look.colours.length]; });
  }

  const cross = 'path://M1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5L0,1Z';
  const down = 'path://M0,0L10,0L5,9Z';

  /* mark gives a point its symbol: a triangle where it is a bound, upward from below. */
  function mark(p, size) {
    const d = {value: [p.x, p.y]};
    if (p.row.validity === 'doubtful' || p.bound) size = Math.max(size, 9);
    if (p.bound) d.symbol = p.bound > 0 ? 'triangle' : down;
    else if (size === 6) return d.value;
    d.symbolSize = size;
    return d;
  }

  /* part gives where on an axis a value lies, 0 to 1. */
  function part(y, v) { return y.log ? Math.log(v / y.min) / Math.log(y.max / y.min) : (v - y.min) / (y.max - y.min); }

  /* sizes makes a dot larger for each dot of a later line that would hide it, up to four rings: a Map by
     point. More would be a target, and hide what is near. */
  function sizes(lines, frame) {
    const seen = new Map();
    return lines.slice().reverse().map((l) => {
      const keys = l.points.map((p) => Math.round(frame.x.pos(p.x) * frame.wide / 5) + ' ' + Math.round(part(frame.y[l.axis], p.y) * frame.high / 5));
      const made = new Map(l.points.map((p, i) => [p, 6 + 4 * Math.min(3, seen.get(keys[i]) || 0)]));
      new Set(keys).forEach((k) => seen.set(k, (seen.get(k) || 0) + 1)); // points of one line make no rings
      return made;
    }).reverse();
  }

  /* lineSeries makes the series of the lines, each with what its tooltip needs: points by data index. */
  function lineSeries(chart, made, frame, look, gaps) {
    const out = [], templates = (chart.option || {}).series || [];
    const free = loose(chart), size = gaps ? null : free ? made.lines.map((l) => new Map(l.points.map((p) => [p, 7]))) : sizes(made.lines, frame);
    made.lines.forEach((l, k) => {
      l.z = 3 + 0.02 * k; // what lies in a dot of this line lies under the dots of the next
      const fits = (p) => !frame.y[l.axis].log || p.y === null || p.y > 0;
      const good = l.points.filter((p) => fits(p) && (gaps || p.row.validity !== 'invalid')), bad = gaps ? [] : l.points.filter((p) => fits(p) && p.row.validity === 'invalid');
      const s = stroke(templates[l.i] || {}, l, gaps, made.stacked);
      s.data = gaps ? good.map((p) => [p.x, p.y]) : good.map((p) => mark(p, size[k].get(p)));
      if (chart.bind.join) labels(s, good, look, (p) => p.at);
      else if (made.mixed && !made.lines.slice(0, k).some((o) => o.g.value === l.g.value)) labels(s, good, look, (p) => number(p.row, 'concurrency'));
      out.push({option: s, info: {points: good, line: l}}); // the first of its name is the legend's
      if (l.y.lo && l.y.hi && !made.speed) out.push(range(l, frame.y[l.axis].log, look));
      const doubt = gaps ? [] : good.filter((p) => p.row.validity === 'doubtful');
      if (doubt.length) out.push({option: hollow(l, doubt, size[k], look), info: null});
      if (bad.length) out.push({option: crosses(l, bad), info: {points: bad, line: l}});
    });
    return out;
  }

  /* stroke is the look of a line: its template's dash and step, its group's colour. */
  function stroke(t, l, gaps, stacked) {
    if (t.type === 'scatter') return {type: 'scatter', name: l.name, color: l.colour, yAxisIndex: l.axis, symbol: 'circle', symbolSize: 7, itemStyle: {color: l.colour, opacity: 0.65}, animation: false, progressive: 0, z: l.z, emphasis: {focus: 'series'}, wsrunUnit: l.unit};
    const s = Object.assign({}, t, {
      type: 'line', name: l.name, color: l.colour, lineStyle: {type: (t.lineStyle || {}).type || 'solid', width: gaps ? 1.5 : 2, color: l.colour}, itemStyle: {color: l.colour}, yAxisIndex: l.axis,
      symbol: 'circle', symbolSize: gaps ? 4 : 6, showSymbol: !gaps || (l.points.length <= 60 && !t.step && !stacked), connectNulls: false, animation: false, progressive: 0, z: l.z,
      emphasis: gaps ? {disabled: true} : {focus: 'series'}, wsrunUnit: l.unit,
    });
    if (stacked || t.areaStyle) s.areaStyle = {opacity: stacked ? 0.55 : 0.15, color: l.colour};
    return s;
  }

  /* hollow lays the page's colour into the dots that are doubtful. They keep their line's colour, for tooltips. */
  function hollow(l, points, size, look) {
    return {type: 'scatter', name: l.name, color: l.colour, yAxisIndex: l.axis, silent: true, tooltip: {show: false}, itemStyle: {color: look.page, opacity: 1}, z: l.z + 0.01, animation: false, emphasis: {disabled: true},
      data: points.map((p) => ({value: [p.x, p.y], symbol: p.bound > 0 ? 'triangle' : p.bound < 0 ? down : 'circle', symbolSize: Math.max(size.get(p), 9) - 4}))};
  }

  function crosses(l, bad) {
    return {type: 'scatter', name: l.name, color: l.colour, yAxisIndex: l.axis, symbol: cross, symbolSize: 10, itemStyle: {color: l.colour, opacity: 1}, wsrunUnit: l.unit, z: l.z + 0.01, animation: false, data: bad.map((p) => [p.x, p.y]), emphasis: {disabled: true}};
  }

  /* labels writes at each point of a curve what it is a point of: its level. */
  function labels(s, points, look, level) {
    s.label = {show: true, position: 'top', fontSize: 10, color: look.soft, formatter: (p) => short('', level(points[p.dataIndex]))};
    s.labelLayout = {hideOverlap: true};
  }

  /* range draws the band between two columns behind a line: one polygon for each run without gaps.
     Where one of the two is empty the band ends at the line. */
  function range(l, log, look) {
    const data = l.points.map((p) => {
      const lo = number(p.row, l.y.lo), hi = number(p.row, l.y.hi);
      if ((lo === null && hi === null) || p.y === null) return null;
      const d = [p.x, lo === null ? p.y : lo, hi === null ? p.y : hi];
      return log && !(d[1] > 0) ? null : d;
    });
    const runs = [[]];
    data.forEach((d) => { if (d) runs[runs.length - 1].push(d); else if (runs[runs.length - 1].length) runs.push([]); });
    const flat = data.filter(Boolean), fill = fade(l.colour, 0.18);
    const at = (api, d, k) => api.coord([d[0], d[k]]);
    return {info: null, option: {
      type: 'custom', name: l.name, color: l.colour, yAxisIndex: l.axis, silent: true, clip: true, animation: false, progressive: 0, z: 1, tooltip: {show: false}, encode: {x: 0, y: [1, 2]}, data: flat,
      renderItem: (params, api) => {
        if (params.context.done) return undefined;
        params.context.done = true;
        return {type: 'group', children: runs.filter((r) => r.length).map((r) => ({type: 'polygon', silent: true, style: {fill, stroke: r.length === 1 ? fill : 'none', lineWidth: 6},
          shape: {points: r.map((d) => at(api, d, 2)).concat(r.slice().reverse().map((d) => at(api, d, 1)))}}))};
      },
    }};
  }

  /* missingSeries marks on the x axis what was not measured; its tooltip has the reason. */
  function missingSeries(made, frame, look) {
    if (!made.missing.length) return [];
    const points = made.missing.map((r) => ({x: number(r, made.x.key) * made.x.scale, y: frame.y[0].min, row: r, bound: 0})).filter((p) => !frame.x.log || p.x > 0);
    return [{option: {type: 'scatter', name: 'not measured', color: look.soft, symbol: cross, symbolSize: 7, itemStyle: {color: look.soft, opacity: 1}, z: 5, animation: false, data: points.map((p) => [p.x, p.y]), emphasis: {disabled: true}},
      info: {points, missing: true}}];
  }

  Object.assign(W, {pick, few, loose, lineSeries, missingSeries, marked, paint, part, cross, groups});
})(typeof globalThis === 'undefined' ? this : globalThis);
