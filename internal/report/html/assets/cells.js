/* wsrun: charts of categories: stacked bars, the distribution of TTFT, contexts against sizes. */
(function (root) {
  'use strict';
  const W = root.wsrun;
  const {look, number, keeps, tableOf, axisX, beside, tick, titled, print, short, wide, cut, shade, option} = W;

  /* ---- categories ---- */

  function sorted(rows, key) {
    const has = (v) => v !== null && v !== undefined && v !== '';
    return [...new Set(rows.map((r) => r[key]))].filter(has).sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : 1));
  }

  function naming(unit, v, scale) { return typeof v === 'number' ? tick(unit, v * (scale || 1)) : v; }

  /* doubted marks a name of a category as the matrix marks its figures: paper has no tooltip. */
  function doubted(name, row) { return !row ? name : row.validity === 'invalid' ? '×' + name : row.validity === 'doubtful' ? '(' + name + ')' : name; }

  /* unmeasured is a cross on the axis at each category without data. */
  function unmeasured(at, theme) {
    return at.length ? [{type: 'scatter', name: 'not measured', symbol: W.cross, symbolSize: 8, color: theme.soft, itemStyle: {color: theme.soft, opacity: 1}, data: at.map((i) => [i, 0]), z: 5, animation: false}] : [];
  }

  function kept(chart, ctx) { return tableOf(ctx, chart.bind.table).rows.filter((r) => keeps(ctx, chart.bind.where, r)); }

  function category(names, room, theme, x) {
    const widest = W.largest(names.map(wide).concat([10])), turn = x && widest + 8 > room / names.length;
    const o = Object.assign({type: 'category', data: names, splitLine: {show: false}}, W.axisLine(theme));
    o.axisTick = {show: false};
    o.axisLabel = {color: theme.soft, fontSize: 12, hideOverlap: true, rotate: turn ? 45 : 0, interval: x ? Math.max(0, Math.ceil(names.length * 20 / room) - 1) : 'auto'};
    return o;
  }

  function bottom(names, room) { return 30 + (W.largest(names.map(wide).concat([10])) + 8 > room / names.length ? Math.min(60, W.largest(names.map(wide)) * 0.72 + 6) : 16); }

  function xAxis(x, names, f, theme) {
    return Object.assign(category(names, f.wide, theme, true), {name: cut(titled(x.name, x.unit), f.wide), nameTextStyle: {color: theme.soft, fontSize: 12}, nameLocation: 'middle', nameGap: f.below - 20});
  }

  /* crossings gives the transitions as lines between the categories that they lie between. */
  function crossings(chart, ctx, rows, x, cats, left, width, theme) {
    if (!W.marked(chart.bind, 'transitions') || !x.lo || !x.hi) return [];
    const out = [], seen = new Set();
    for (const r of beside(ctx, chart.bind.where, rows, tableOf(ctx, 'transitions').rows)) {
      const lo = number(r, x.lo), hi = number(r, x.hi), text = [r.from, r.to].filter(Boolean).join(' → ');
      if (lo === null || hi === null) continue;
      const n = cats.filter((c) => c <= lo * (1 + 1e-5)).length, key = n + text;
      if (n < 1 || n >= cats.length || seen.has(key)) continue;
      seen.add(key);
      out.push({x: left + n / cats.length * width, text, colour: theme.ink});
    }
    return out;
  }

  /* graphics draws those lines, and the texts over the plot. */
  function graphics(lines, f, theme) {
    return lines.map((l) => ({type: 'line', silent: true, z: 10, shape: {x1: l.x, y1: f.top - 4, x2: l.x, y2: f.top + f.high}, style: {stroke: theme.ink, lineWidth: 1.2, lineDash: [5, 4]}})).concat(W.texts(f.texts, theme));
  }

  function bubble(theme, ctx, formatter, trigger) {
    return {show: !ctx.export, trigger, renderMode: 'richText', confine: true, backgroundColor: theme.page, borderColor: theme.soft, borderWidth: 1, padding: [6, 10], transitionDuration: 0,
      textStyle: {color: theme.ink, fontSize: 12, lineHeight: 17, fontFamily: W.font}, axisPointer: {type: 'shadow', shadowStyle: {color: theme.band}}, formatter};
  }

  /* ---- stacked bars ---- */

  /* stack draws one bar for each x, a part for each Y. What is doubtful is pale, what is invalid paler. */
  function stack(chart, ctx) {
    const bind = chart.bind, theme = look(ctx), x = axisX(ctx, chart), rows = kept(chart, ctx).filter((r) => number(r, x.key) !== null);
    const ys = bind.y.map((y, i) => ({y, i})).filter(({y}) => rows.some((r) => number(r, y.key) !== null));
    if (!ys.length) return W.empty(chart, ctx, rows.length ? 'No data: nothing was measured here.' : 'No data: no point has what is chosen above.');
    const cats = sorted(rows, x.key), at = cats.map((c) => rows.find((r) => r[x.key] === c && ys.some(({y}) => number(r, y.key) !== null)) || rows.find((r) => r[x.key] === c));
    const unit = (bind.unit || [])[0] || '', total = (r) => ys.reduce((sum, {y}) => sum + (number(r, y.key) || 0), 0);
    const scale = W.scaleY(at.map(total), [], unit, false, 0);
    if (unit === '%' && scale.max > 100 && W.largest(at.map(total)) < 101) { scale.max = 100; scale.interval = 20; scale.splits = 5; }
    const width = ctx.width || 800, left = W.axisWidth(scale, unit), room = Math.max(40, width - left - 22), names = cats.map((c, i) => doubted(naming(x.unit, c, x.scale), at[i]));
    const lines = crossings(chart, ctx, rows, x, cats, left, room, theme), low = bottom(names, room);
    const series = ys.map(({y, i}) => bar(y, theme.colours[i % theme.colours.length], at)), axis = [].concat((chart.option || {}).yAxis || [{}])[0] || {};
    const l = W.legend(series.map((s) => ({info: s, option: s})), width, 14);
    const f = Object.assign(W.frame(ctx, {where: bind.where, legends: [l], names: [titled(axis.name || '', unit)], labels: lines, left, right: 22, bottom: low + 4}), {below: low});
    const o = W.base(chart, ctx, f, theme), missing = at.map((r, i) => ({r, i})).filter(({r}) => ys.every(({y}) => number(r, y.key) === null));
    o.grid = {left, right: 22, top: f.top, bottom: f.bottom};
    o.legend = W.legendOption(l, ctx, theme, f.legends[0]);
    o.xAxis = xAxis(x, names, f, theme);
    o.yAxis = [W.yOption(scale, unit, 0, theme)];
    o.series = series.concat(unmeasured(missing.map(({i}) => i), theme));
    o.graphic = graphics(lines, f, theme);
    o.tooltip = bubble(theme, ctx, (params) => {
      const list = [].concat(params), r = list.length ? at[list[0].value === undefined || !Array.isArray(list[0].value) ? list[0].dataIndex : list[0].value[0]] : null;
      if (!r) return '';
      return [x.name + ' ' + print(x.unit, r[x.key] * x.scale)].concat(list.filter((p) => p.seriesIndex < ys.length).map((p) => p.marker + ' ' + p.seriesName + '  ' + (print(unit, number(r, ys[p.seriesIndex].y.key)) || 'no data')), W.reason(r, false, 3, Math.min(420, (ctx.width || 800) * 0.65))).join('\n');
    }, 'axis');
    return o;
  }

  function bar(y, colour, at) {
    const pale = (r) => (r.validity === 'invalid' ? 0.3 : r.validity === 'doubtful' ? 0.6 : 1);
    return {type: 'bar', name: y.name, stack: 'all', color: colour, barMaxWidth: 56, animation: false, emphasis: {disabled: true},
      data: at.map((r) => { const v = number(r, y.key), p = pale(r); return p === 1 ? v : {value: v, itemStyle: {color: colour, opacity: p}}; })};
  }

  /* ---- shades ---- */

  /* ramp is the legend of a shade: from min to max, its two ends said in words. */
  function ramp(theme, f, min, max, ends, colours) {
    return {type: 'continuous', show: true, min, max, dimension: 2, calculable: false, hoverLink: false, orient: 'vertical', right: 2, top: f.top, itemWidth: 12, itemHeight: Math.max(40, f.high - 40), align: 'left', seriesIndex: 0,
      text: ends, textGap: 6, textStyle: {color: theme.soft, fontSize: 11}, inRange: {color: colours}, precision: 12, formatter: () => ''};
  }

  /* tiles draws one rectangle for each datum [column, row, shade], as look(n) says: fill, and the text in
     it. It is a custom series because echarts 6.1.0 paints every heatmap in layers of their own and in
     steps, so that paper gets an empty one. */
  function tiles(name, data, look, gap, theme) {
    return {
      type: 'custom', name, data, encode: {x: 0, y: 1}, animation: false, progressive: 0, clip: true,
      renderItem: (params, api) => {
        const at = api.coord([api.value(0), api.value(1)]), size = api.size([1, 1]), l = look(params.dataIndex), turn = l.turn ? Math.PI / 2 : 0;
        const rect = {type: 'rect', shape: {x: at[0] - size[0] / 2, y: at[1] - size[1] / 2, width: size[0], height: size[1]}, style: {fill: l.fill, stroke: theme.page, lineWidth: gap}, emphasis: {style: {stroke: theme.ink, lineWidth: 1}}};
        if (l.text) {
          rect.textContent = {type: 'text', silent: true, style: {text: l.text, fill: l.ink, font: l.size + 'px ' + W.font}};
          rect.textConfig = {position: 'inside', rotation: turn};
        }
        return rect;
      },
    };
  }

  /* bins reads a distribution: "0.1:12.5 0.126:87.5" is the lower border of each bin in seconds, ten to
     a decade, and its share in percent. */
  function bins(text) {
    const out = [];
    for (const word of String(text || '').split(/\s+/)) {
      const [from, share] = word.split(':').map(Number);
      if (from >= 1e-9 && from <= 1e9 && share > 0 && share <= 100.1) out.push([Math.round(10 * Math.log10(from)), share]);
    }
    return out;
  }

  /* binName prints the borders of bin k: 63–79 ms. */
  function binName(k) {
    const lo = Math.pow(10, k / 10), hi = Math.pow(10, (k + 1) / 10) * (1 - 1e-12), [per, unit] = hi > 1 ? [1, 's'] : hi > 1e-3 ? [1e3, 'ms'] : [1e6, 'us'];
    const two = (v) => String(Number((v * per).toPrecision(2)));
    return two(lo) + '–' + two(hi) + ' ' + unit;
  }

  /* heat draws the distribution of each x as a column of shades: the modes are the tiers. */
  function heat(chart, ctx) {
    const bind = chart.bind, theme = look(ctx), x = axisX(ctx, chart), key = (bind.y[0] || {}).key;
    const rows = kept(chart, ctx).filter((r) => number(r, x.key) !== null), cats = sorted(rows, x.key), cells = [];
    const at = cats.map((c) => rows.find((r) => r[x.key] === c && r[key]));
    at.forEach((r, i) => { if (r) for (const [k, share] of bins(r[key])) cells.push({i, k, share, row: r}); });
    if (!cells.length) return W.empty(chart, ctx, rows.length ? 'No data: nothing was measured here.' : 'No data: no point has what is chosen above.');
    const limits = (bind.refs || []).filter((r) => r.y > 0).map((r) => ({k: Math.ceil(10 * Math.log10(r.y) - 1e-9) - 1, text: r.name + ' ' + short('s', r.y)}));
    let from = W.least(cells.map((c) => c.k)), to = W.largest(cells.map((c) => c.k));
    const near = limits.filter((l) => l.k <= to + 5);
    to = Math.max(to, ...near.map((l) => l.k + 1));
    from = Math.min(from, ...near.map((l) => l.k));
    if (to - from > 120) from = to - 120;
    const shown = cells.filter((c) => c.k >= from), binNames = Array.from({length: to - from + 1}, (_, i) => binName(from + i)), most = W.largest(cells.map((c) => c.share));
    const p = plane(chart, ctx, rows, x, cats, binNames, theme, titled(((chart.option || {}).yAxis || [{}])[0]?.name || 'TTFT', ''), undefined, at);
    const o = p.option;
    o.visualMap = ramp(theme, p.f, 0, most, [short('%', most), '0%'], theme.ramp);
    o.series = [tiles(bind.y[0].name, shown.map((c) => [c.i, c.k - from, c.share]), (n) => ({fill: shade(theme.ramp, shown[n].share / most).colour}), 0.5, theme)];
    o.series.push({type: 'line', name: '', data: [], silent: true, tooltip: {show: false}, markLine: {silent: true, symbol: 'none', animation: false, precision: 15, lineStyle: {color: theme.limit, type: 'dashed', width: 1.5}, label: {color: theme.limit, fontSize: 11, position: 'insideEndTop', formatter: '{b}'}, data: near.map((l) => ({name: l.text, yAxis: l.k - from}))}});
    o.series.push(...unmeasured(cats.map((c, i) => i).filter((i) => !at[i]), theme));
    o.graphic = o.graphic.concat(W.texts(W.beyond(limits.filter((l) => !near.includes(l)).map((l) => ({text: l.text, colour: theme.limit})), p.f), theme));
    o.tooltip = bubble(theme, ctx, (p) => {
      if (p.seriesName === 'not measured') {
        const r = rows.find((r) => r[x.key] === cats[p.value[0]]);
        return [x.name + ' ' + print(x.unit, r[x.key] * x.scale)].concat(W.reason(r, false, 3, Math.min(420, (ctx.width || 800) * 0.65))).join('\n');
      }
      const c = shown[p.dataIndex];
      return c && p.seriesIndex === 0 ? [x.name + ' ' + print(x.unit, cats[c.i] * x.scale), 'TTFT ' + binName(c.k) + ': ' + print('%', c.share) + ' of requests'].concat(W.reason(c.row, false, 3, Math.min(420, (ctx.width || 800) * 0.65))).join('\n') : '';
    }, 'item');
    return o;
  }

  /* plane is what heat and matrix share: two axes of categories, room for the ramp, and the name of what
     is shaded where that is chosen. at are the rows of the categories, where each has one. */
  function plane(chart, ctx, rows, x, cats, ynames, theme, yname, what, at) {
    const width = ctx.width || 800, left = Math.ceil(W.largest(ynames.map(wide))) + 16, right = 64, room = Math.max(40, width - left - right);
    const names = cats.map((c, i) => doubted(naming(x.unit, c, x.scale), at && at[i])), low = bottom(names, room);
    const lines = crossings(chart, ctx, rows, x, cats, left, room, theme), f = Object.assign(W.frame(ctx, {where: chart.bind.where, names: [yname, what], labels: lines, left, right, bottom: low + 4}), {below: low});
    const o = W.base(chart, ctx, f, theme);
    o.grid = {left, right, top: f.top, bottom: f.bottom};
    o.legend = {show: false};
    o.xAxis = xAxis(x, names, f, theme);
    o.yAxis = category(ynames, f.high, theme, false);
    o.graphic = graphics(lines, f, theme);
    return {option: o, f, names};
  }

  /* matrix shades x against bind.by with a value, written into each cell. Dark in the light theme, and
     bright in the dark one, is the better end; a neutral measure's strong end is its largest. */
  function matrix(chart, ctx) {
    const bind = chart.bind, theme = look(ctx), t = tableOf(ctx, bind.table), x = axisX(ctx, chart), measure = option(ctx, 'measure');
    const y = (measure && bind.y.find((y) => y.key === (measure.key || measure.value))) || bind.y[0], unit = t.units[y.key] || (bind.unit || [])[0] || '';
    const rows = kept(chart, ctx).filter((r) => number(r, x.key) !== null), cats = sorted(rows, x.key), others = sorted(rows, bind.by), cells = [];
    cats.forEach((c, i) => others.forEach((b, k) => {
      const here = rows.filter((r) => r[x.key] === c && r[bind.by] === b), r = here.find((r) => number(r, y.key) !== null);
      if (r) cells.push({i, k, v: number(r, y.key), row: r});
    }));
    if (!cells.length) return W.empty(chart, ctx, rows.length ? 'No data: nothing was measured here.' : 'No data: no point has what is chosen above.');
    const all = cells.map((c) => c.v), lo = W.least(all), hi = W.largest(all), log = lo > 0 && hi > 10 * lo, grade = (v) => (hi === lo ? 0.5 : log ? Math.log(v / lo) / Math.log(hi / lo) : (v - lo) / (hi - lo));
    const colours = y.lower ? theme.ramp.slice().reverse() : theme.ramp;
    const p = plane(chart, ctx, rows, x, cats, others.map((b) => naming(t.units[bind.by], b)), theme, titled(t.heads[bind.by] || bind.by, t.units[bind.by]), y.name), o = p.option;
    const room = p.f.wide / cats.length, widest = W.largest(cells.map((c) => wide(text(c, y, unit))));
    o.visualMap = ramp(theme, p.f, 0, 1, [short(unit, hi), short(unit, lo)], colours);
    o.series = [tiles(y.name, cells.map((c) => [c.i, c.k, grade(c.v)]), (n) => {
      const s = shade(colours, grade(cells[n].v));
      return {fill: s.colour, ink: s.ink, text: text(cells[n], y, unit), size: widest + 6 > room ? 10 : 12, turn: widest * 10 / 12 + 6 > room};
    }, 2, theme)];
    o.tooltip = bubble(theme, ctx, (q) => {
      const c = cells[q.dataIndex];
      return c ? [x.name + ' ' + print(x.unit, cats[c.i] * x.scale) + ', ' + (t.heads[bind.by] || bind.by) + ' ' + (typeof others[c.k] === 'number' ? print(t.units[bind.by], others[c.k]) : others[c.k]), y.name + ' ' + (W.low(c.row, y.key) ? '≥' : '') + print(unit, c.v)].concat(W.reason(c.row, false, 3, Math.min(420, (ctx.width || 800) * 0.65))).join('\n') : '';
    }, 'item');
    return o;
  }

  /* text is what a cell says: doubts in brackets, as a printed page has no tooltip. */
  function text(c, y, unit) {
    return doubted((W.low(c.row, y.key) ? '≥' : '') + short(unit, c.v), c.row);
  }

  Object.assign(W, {stack, heat, matrix, bins, binName});
})(typeof globalThis === 'undefined' ? this : globalThis);
