/* wsrun: what stands behind and across the lines: tiers, capacities, limits; growth, ingest, holds, decisions. */
(function (root) {
  'use strict';
  const W = root.wsrun;
  const {number, tableOf, beside, print, short, wide, marked, part} = W;

  /* tiers gives the bands of the transitions and the lines of the capacities, and of thresholds on
     edges, that belong to the rows shown, in units of the x axis; and the best passing level, a line
     like those. */
  function tiers(chart, ctx, made) {
    const bind = chart.bind, x = made.x, rows = made.rows.concat(made.zero), bands = [], stated = [];
    const seen = new Set(), once = (key) => !seen.has(key) && seen.add(key);
    if (marked(bind, 'transitions') && x.lo && x.hi) {
      for (const r of beside(ctx, bind.where, rows, tableOf(ctx, 'transitions').rows)) {
        const lo = number(r, x.lo), hi = number(r, x.hi), name = [r.from, r.to].filter(Boolean).join(' → ');
        if (lo !== null && hi !== null && once([name, lo, hi].join())) bands.push({lo: lo * x.scale, hi: hi * x.scale, name});
      }
    }
    if (marked(bind, 'capacities') && x.at) {
      for (const r of beside(ctx, bind.where, rows, tableOf(ctx, 'capacities').rows)) {
        const at = number(r, x.at), name = [r.tier, r.source === 'stated' ? 'stated' : r.source ? 'told' : '', short('tokens', number(r, 'tokens'))].filter(Boolean).join(' ') + (r.assumption ? ', ' + r.assumption : '');
        if (at !== null && !stated.some((s) => s.name === name && Math.abs(s.at - at * x.scale) <= 0.03 * s.at)) stated.push({at: at * x.scale, name});
      }
      for (const r of beside(ctx, bind.where, rows, tableOf(ctx, 'edge_limits').rows)) {
        const at = number(r, x.at), name = 'threshold ' + r.edge + ' ' + short('tokens', number(r, 'reuse_distance'));
        if (at !== null && once([name, at].join())) stated.push({at: at * x.scale, name, limit: true});
      }
    }
    const best = marked(bind, 'best') ? rows.filter((r) => r.best === 1 && number(r, x.key) !== null) : [];
    for (const r of best) if (once('best ' + r[x.key])) stated.push({at: r[x.key] * x.scale, name: 'best passing', best: true});
    return {bands, stated};
  }

  /* within says which capacities an axis over values is extended to: those that are not far from
     what was measured. */
  function within(stated, values, log) {
    const max = W.largest(values), min = W.least(values.filter((v) => v > 0)), by = log ? 2.5 : 1.3;
    return stated.filter((s) => s.at > 0 && s.at <= max * by && (!log || s.at >= min / by)).map((s) => s.at);
  }

  /* packed puts labels above the plot, each over its place, in as many rows as they need; the same
     text is not said twice beside itself. Places and widths are in px. In the lowest row the first
     begin px and the last end px are taken, by the names of the axes. */
  function packed(labels, width, most, begin, end) {
    const rows = begin || end ? [begin] : [], out = [];
    for (const l of labels.slice().sort((a, b) => a.x - b.x)) {
      const w = wide(l.text) * 11 / 12 + 8, x = Math.min(Math.max(l.x, 2 + w / 2), Math.max(2 + w / 2, width - 2 - w / 2));
      if (out.some((o) => o.text === l.text && Math.abs(o.x - x) < w)) continue;
      let k = rows.findIndex((taken, i) => taken <= x - w / 2 && (i > 0 || x + w / 2 <= width - end));
      if (k < 0) k = rows.length;
      if (k >= most) continue;
      rows[k] = x + w / 2;
      out.push({x, row: k, text: l.text, colour: l.colour});
    }
    return {labels: out, rows: rows.length};
  }

  const lineColour = (s, look) => (s.best ? look.colours[2] : s.limit ? look.limit : look.told);

  /* above gives the labels of bands and capacities for packed; one that lies outside has an arrow. */
  function above(found, scale, left, width, look) {
    const labels = [], colour = (s) => lineColour(s, look), px = (v) => left + scale.pos(v) * width;
    for (const b of found.bands) {
      const a = scale.log ? Math.sqrt(Math.max(b.lo, scale.min) * b.hi) : (b.lo + b.hi) / 2;
      if (a >= scale.min && a <= scale.max) labels.push({x: px(a), text: b.name, colour: look.ink});
    }
    for (const s of found.stated) {
      if (!(s.at > 0) && scale.log) continue;
      if (s.at > scale.max) labels.push({x: left + width, text: s.name + ' →', colour: colour(s)});
      else if (s.at < scale.min) labels.push({x: left, text: '← ' + s.name, colour: colour(s)});
      else labels.push({x: px(s.at), text: s.name, colour: colour(s)});
    }
    return labels;
  }

  /* carrier is a series without data that lines and areas hang on. */
  function carrier(extra) {
    return {option: Object.assign({type: 'line', name: '', data: [], silent: true, animation: false, tooltip: {show: false}}, extra), info: null};
  }

  function areas(list, look) {
    return {silent: true, animation: false, label: {show: false}, itemStyle: {color: look.band, borderColor: look.edge, borderWidth: 0.5}, data: list.map((b) => [{xAxis: b.lo}, {xAxis: b.hi}])};
  }

  /* tierSeries draws bands and capacities; a capacity is dashed, since nobody has measured it. */
  function tierSeries(found, scale, look) {
    const out = [], seen = found.bands.filter((b) => b.hi >= scale.min && b.lo <= scale.max).map((b) => ({lo: Math.max(b.lo, scale.min), hi: Math.min(b.hi, scale.max)}));
    const lines = found.stated.filter((s) => s.at >= scale.min && s.at <= scale.max);
    if (seen.length) out.push(carrier({markArea: areas(seen, look)}));
    if (lines.length) {
      out.push(carrier({markLine: {silent: true, symbol: 'none', animation: false, precision: 15, label: {show: false}, lineStyle: {color: look.told, type: 'dashed', width: 1.5, opacity: 0.9}, data: lines.map((s) => ({xAxis: s.at, lineStyle: {color: lineColour(s, look), type: s.best ? 'solid' : 'dashed'}}))}}));
    }
    return out;
  }

  /* across gives the horizontal lines of a chart: limits, levels that were measured, and what the same costs without reuse. */
  function across(chart, ctx, made, look) {
    const bind = chart.bind, out = [];
    if (made.speed) {
      const axes = [...new Set(made.lines.map((l) => l.axis))];
      return axes.map((axis) => ({y: 1, axis, text: 'recompute', colour: look.soft, type: 'solid'}));
    }
    for (const r of bind.refs || []) {
      const axis = r.axis || 0;
      if (typeof r.y === 'number' && isFinite(r.y)) out.push({y: r.y, axis, text: (r.name + ' ' + short((bind.unit || [])[axis] || '', r.y)).trim(), colour: look.limit, type: 'dashed'});
    }
    return out.concat(reference(chart, made, look), marked(bind, 'recomputed') ? recomputed(ctx, look) : []);
  }

  /* recomputed gives what a map found that computing a prompt again costs, over its trials. */
  function recomputed(ctx, look) {
    return tableOf(ctx, 'tiers').rows.filter((r) => r.tier === 'recompute' && !r.trial && number(r, 'ttft.p50') !== null)
      .map((r) => ({y: number(r, 'ttft.p50'), axis: 0, text: 'recompute p50 ' + short('s', number(r, 'ttft.p50')), colour: look.soft, type: 'solid'}));
  }

  function reference(chart, made, look) {
    const bind = chart.bind, out = [], seen = new Set(), apart = bind.by && bind.by !== 'hit_rate';
    for (const l of made.lines) {
      const zero = made.zero.find((r) => number(r, l.y.key) !== null && (!apart || r[bind.by] === l.g.value));
      const key = l.i + ' ' + (apart ? l.g.value : '');
      if (!zero || seen.has(key)) continue;
      seen.add(key);
      const y = number(zero, l.y.key), t = ((chart.option || {}).series || [])[l.i] || {};
      const doubt = zero.validity && zero.validity !== 'ok' ? ' (' + zero.validity + ')' : '';
      out.push({y, axis: l.axis, text: ['recompute', bind.y.length > 1 ? l.y.name : '', (W.low(zero, l.y.key) ? '≥' : '') + short(l.unit, y)].filter(Boolean).join(' ') + doubt,
        colour: apart ? l.colour || look.soft : look.soft, type: (t.lineStyle || {}).type || 'solid'});
    }
    return out;
  }

  /* merged gives lines of one colour and axis that lie on each other one label. */
  function merged(list, frame) {
    const out = [];
    for (const r of list) {
      const y = frame.y[r.axis], at = y ? part(y, r.y) * frame.high : 0;
      const other = out.find((o) => o.axis === r.axis && o.colour === r.colour && Math.abs(o.at - at) < 4);
      const head = other && other.text.split(' ')[0];
      if (other && r.text.startsWith(head + ' ')) other.text += ', ' + r.text.slice(head.length + 1);
      else out.push(Object.assign({at}, r));
    }
    return out;
  }

  /* path gives places in px along the lines of a chart, from the plot's upper left corner. */
  function path(made, frame) {
    const out = [];
    for (const l of made.lines) {
      const y = frame.y[l.axis], pts = l.points.filter((p) => p.y !== null && (!y.log || p.y > 0)).map((p) => [frame.x.pos(p.x) * frame.wide, (1 - part(y, p.y)) * frame.high]);
      const steps = W.loose(made.chart) || pts.length > 200 ? 1 : 12;
      pts.forEach((p, i) => {
        const q = pts[i + 1] || p;
        for (let k = 0; k < (i + 1 < pts.length ? steps : 1); k++) out.push([p[0] + (q[0] - p[0]) * k / steps, p[1] + (q[1] - p[1]) * k / steps]);
      });
    }
    return out;
  }

  /* room finds the label of a height py the place beside its line that meets no other label and
     as little of the lines of the chart as may be: above or below, at the end or the start. */
  function room(text, py, frame, taken, over) {
    const w = wide(text) * 11 / 12 + 8;
    let best = null;
    ['insideEndTop', 'insideEndBottom', 'insideStartTop', 'insideStartBottom'].forEach((position, order) => {
      const y = position.endsWith('Top') ? py - 16 : py + 1, x = position.startsWith('insideEnd') ? frame.wide - w - 4 : 4;
      const meets = (o) => x < o.x + o.w && o.x < x + w && y < o.y + 15 && o.y < y + 15;
      const cost = 1000 * taken.filter(meets).length + (y < -2 || y + 15 > frame.high ? 2000 : 0) + over.filter((p) => p[0] > x - 4 && p[0] < x + w + 4 && p[1] > y - 3 && p[1] < y + 18).length + order / 10;
      if (!best || cost < best.cost) best = {position, cost, x, y, w};
    });
    taken.push(best);
    return best.position;
  }

  /* acrossSeries draws them, each with its name; what lies far above the values is only named, at
     the top edge. */
  function acrossSeries(list, frame, look, made) {
    const out = [], over = path(made, frame), far = list.filter((r) => frame.y[r.axis] && (frame.y[r.axis].far.includes(r.y) || r.y > frame.y[r.axis].max));
    const taken = beyond(far, frame, made).map((l) => ({x: l.align === 'right' ? frame.wide - 4 - wide(l.text) : 4, y: l.y - frame.top, w: wide(l.text)}));
    for (const r of merged(list.filter((r) => frame.y[r.axis] && !far.includes(r) && r.y >= frame.y[r.axis].min), frame)) {
      out.push(carrier({yAxisIndex: r.axis, z: 2, markLine: {silent: true, symbol: 'none', animation: false, precision: 15, lineStyle: {color: r.colour, type: r.type, width: 1.3, opacity: 0.9},
        label: {color: r.colour, position: room(r.text, frame.high - r.at, frame, taken, over), fontSize: 11, padding: [1, 3], backgroundColor: W.fade(look.page, 0.75), formatter: '{b}'}, data: [{name: r.text, yAxis: r.y}]}}));
    }
    return {series: out, far};
  }

  /* beyond names the limits that lie above the plot, at its top edge: on the side where the lines
     of the chart, where it has any, leave more room. */
  function beyond(far, f, made) {
    if (!far.length) return [];
    const high = 9 + far.length * 14, at = made ? path(made, f).filter((p) => p[1] < high) : [], left = at.filter((p) => p[0] > f.wide / 2).length > at.filter((p) => p[0] < f.wide / 2).length;
    return far.map((r, i) => ({x: left ? f.left + 4 : f.width - f.right - 4, y: f.top + 3 + i * 14, text: r.text + ' ↑ above', colour: r.colour, align: left ? 'left' : 'right'}));
  }

  /* ---- over time ---- */

  /* phases gives the ranges of a kind; holds and growth, where no phase says them, are read from the periods. */
  function phases(chart, ctx, made, kind) {
    const bind = chart.bind;
    const told = beside(ctx, bind.where, made.rows, tableOf(ctx, 'phases').rows).filter((r) => r.kind === kind);
    const out = told.map((r) => ({lo: number(r, 'start'), hi: number(r, 'end'), size: number(r, 'size') === null ? number(r, 'working_set') : number(r, 'size')})).filter((p) => p.lo !== null);
    if (out.length || (kind !== 'hold' && kind !== 'growth')) return out;
    return kind === 'hold' ? holds(made) : growth(made);
  }

  function growth(made) {
    const out = [];
    let size = null, before = null;
    for (const r of made.rows) {
      const now = number(r, 'working_set'), at = number(r, made.x.key);
      if (now === null || at === null) continue;
      if (size !== null && now > size) out.push({lo: number(r, 'start') === null ? before : number(r, 'start'), hi: null, size: now});
      size = now;
      before = at;
    }
    return out;
  }

  function holds(made) {
    const out = [];
    let open = null, before = null;
    for (const r of made.rows) {
      const at = number(r, made.x.key);
      if (at === null) continue;
      if (r.decision === 'hold') {
        if (open) open.hi = at;
        else out.push(open = {lo: number(r, 'start') === null ? (before === null ? at : before) : number(r, 'start'), hi: at});
      } else open = null;
      before = at;
    }
    return out;
  }

  /* timeSeries draws what happened: ingest and holds as bands, growth as lines with the new size. */
  function timeSeries(chart, ctx, made, frame, look) {
    const bind = chart.bind, out = [], scale = frame.x;
    const band = (kind, colour) => {
      const list = phases(chart, ctx, made, kind).filter((p) => p.hi !== null && p.hi > p.lo);
      const first = list.findIndex((p) => (p.hi - p.lo) / (scale.max - scale.min) * frame.wide > wide(kind) + 6); // one label is enough
      if (list.length) out.push(carrier({markArea: {silent: true, animation: false, label: {show: true, position: 'insideTop', fontSize: 10, color: look.soft, formatter: '{b}'}, itemStyle: {color: colour}, z: 0,
        data: list.map((p, i) => [{name: i === first ? kind : '', xAxis: p.lo}, {xAxis: p.hi}])}}));
    };
    if (marked(bind, 'holds')) band('hold', W.fade(look.colours[2], 0.13));
    if (marked(bind, 'ingest')) band('ingest', look.band);
    if (marked(bind, 'growth')) {
      let last = -Infinity;
      const data = phases(chart, ctx, made, 'growth').map((p) => {
        const px = (p.lo - scale.min) / (scale.max - scale.min) * frame.wide, text = short('tokens', p.size), room = px - last > wide(text) + 6;
        if (room) last = px;
        return {xAxis: p.lo, name: room ? text : ''};
      });
      if (data.length) out.push(carrier({markLine: {silent: true, symbol: 'none', animation: false, precision: 15, lineStyle: {color: look.told, type: 'solid', width: 1, opacity: 0.7}, label: {show: true, position: 'end', distance: 3, fontSize: 10, color: look.told, formatter: '{b}'}, data}}));
    }
    return out;
  }

  const symbols = Object.assign(Object.create(null), {ramp: 'triangle', bisect: 'diamond', verify: 'circle', hold: 'roundRect', lower: 'path://M0,0L10,0L5,9Z', grow: 'arrow', transition: 'rect', floor: 'path://M0,4L10,4L10,6L0,6Z', cap: 'path://M0,0L10,0L10,2L0,2Z', wait: 'circle', end: 'pin'});

  /* decisionSeries sets a symbol for each decision that was not the one before (it has a reason) on
     the line of the concurrency, with the reason in the tooltip. */
  function decisionSeries(chart, made, look) {
    if (!marked(chart.bind, 'decisions') || !made.lines.length) return [];
    const kinds = new Map(), line = made.lines.find((l) => l.y.key === 'concurrency') || made.lines[0];
    for (const p of line.points) {
      const kind = p.row.decision;
      if (!kind || !p.row.reason || p.y === null) continue;
      if (!kinds.has(kind)) kinds.set(kind, []);
      kinds.get(kind).push(p);
    }
    return [...kinds].map(([kind, points], i) => ({info: {points, decision: true}, option: {
      type: 'scatter', name: kind, yAxisIndex: line.axis, color: look.colours[(i + 2) % look.colours.length], symbol: symbols[kind] || 'circle', symbolSize: 9, z: 5, animation: false, progressive: 0, emphasis: {disabled: true},
      itemStyle: Object.assign({opacity: 1}, kind === 'wait' ? {color: look.page, borderColor: look.soft, borderWidth: 2} : {}), data: points.map((p) => [p.x, p.y]),
    }}));
  }

  /* inBands says in words which bands a place lies in. */
  function inBands(found, x, unit) {
    return found.bands.filter((b) => x >= b.lo && x <= b.hi).map((b) => b.name + ' between ' + short(unit, b.lo) + ' and ' + print(unit, b.hi));
  }

  Object.assign(W, {tiers, within, packed, above, tierSeries, across, acrossSeries, beyond, phases, timeSeries, decisionSeries, inBands});
})(typeof globalThis === 'undefined' ? this : globalThis);
