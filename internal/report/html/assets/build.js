/* wsrun: a whole chart: room, axes, legend, tooltip, saved pictures. */
(function (root) {
  'use strict';
  const W = root.wsrun;
  const {look, font, number, tick, titled, print, short, wide, cut, wrap, marked} = W;

  /* ---- room ---- */

  /* legend gives the names that it shows, each once, and how many rows they take. icon is the width
     of a symbol. */
  function legend(parts, width, icon) {
    const names = [...new Set(parts.filter((p) => p.info && p.option.name).map((p) => p.option.name))];
    const most = Math.min(260, width - icon - 40);
    let rows = names.length ? 1 : 0, x = 0, sum = 0;
    for (const n of names) {
      const w = Math.min(wide(n), most) + icon + 20;
      if (x > 0 && x + w > width - 16) { rows++; x = 0; }
      x += w;
      sum += w;
    }
    return {names, rows, most, icon, sum};
  }

  /* scrolls says whether a legend has more rows than a chart has room for: a picture cannot be scrolled. */
  const scrolls = (l, ctx) => l.rows > 4 && !ctx.export;

  function legendOption(l, ctx, theme, place) {
    return {
      show: l.names.length > 0, type: scrolls(l, ctx) ? 'scroll' : 'plain', top: place.top, left: place.left, right: 8, itemWidth: l.icon, itemHeight: scrolls(l, ctx) ? 14 : 9, // what scrolls is cut to the height of its symbols
      itemGap: 12, padding: [4, 0], data: l.names,
      selectedMode: !ctx.export, textStyle: {color: theme.ink, fontSize: 12, fontFamily: font}, inactiveColor: theme.line, pageIconColor: theme.soft, pageIconInactiveColor: theme.line, pageTextStyle: {color: theme.soft},
      formatter: (name) => cut(name, l.most), tooltip: {show: l.names.some((n) => wide(n) > l.most)},
    };
  }

  const legendHigh = (l, ctx) => (scrolls(l, ctx) ? 1 : l.rows) * 21;

  /* choices says what was chosen among a page's controls: a picture that leaves the page cannot be asked. */
  function choices(where, ctx) {
    return (where || []).map((id) => {
      const c = W.control(ctx, id), o = c && c.kind === 'one' ? W.option(ctx, id) : null;
      return o ? c.label + ': ' + o.label : '';
    }).filter(Boolean).join(' · ');
  }

  /* frame gives each part of a chart its place, in px. From above: a picture's title, the legends, the
     names of the y axes (beside the legend where there is room), the labels of marks, the plot.
     opts: where (the controls that choose), legends, names (of the left and the right axis), labels, most (rows of labels), fixed (one
     more row of labels), left, right, bottom. */
  function frame(ctx, opts) {
    const width = ctx.width || 800, height = ctx.height || 320;
    const head = ctx.export ? wrap(ctx.export.title, (width - 24) / 1.25) : [], sub = ctx.export ? wrap(choices(opts.where, ctx), (width - 24) * 1.05) : [], foot = ctx.export ? wrap(ctx.export.provenance, (width - 24) * 1.2) : [];
    const [main, second] = opts.legends || [], names = (opts.names || []).map((n) => (n ? cut(n, width - 16) : '')), taken = names.map((n) => (n ? wide(n) + 14 : 0));
    const beside = main && main.rows === 1 && main.sum + (taken[0] || 0) + (taken[1] || 0) + 24 <= width, own = names.some(Boolean) && !beside;
    const begin = head.length ? 14 + head.length * 20 + sub.length * 15 : 0, fixed = opts.fixed || 0;
    const packed = W.packed(opts.labels || [], width, opts.most || 3, own && !fixed ? taken[0] : 0, own && !fixed ? taken[1] || 0 : 0), rows = packed.rows + fixed + (own && fixed ? 1 : 0);
    let top = begin + (main ? legendHigh(main, ctx) : 0) + (second ? legendHigh(second, ctx) : 0);
    const below = top;
    top += rows * 15 + (rows || !top ? 12 : 10);
    const bottom = opts.bottom + (foot.length ? foot.length * 14 + 10 : 0), f = {width, height, head, sub, foot, top, bottom, left: opts.left, right: opts.right};
    f.wide = Math.max(40, width - f.left - f.right);
    f.high = Math.max(40, height - top - bottom);
    f.legends = [{top: begin, left: beside && taken[0] ? taken[0] + 10 : 8}, {top: begin + (main ? legendHigh(main, ctx) : 0), left: 8}];
    const at = beside ? begin + 4 : own && fixed ? below : top - 22;
    f.texts = names.map((n, k) => (n ? {x: k ? width - 8 : 8, y: at, text: n, align: k ? 'right' : 'left', name: true} : null)).filter(Boolean)
      .concat(packed.labels.map((l) => ({x: l.x, y: top - 22 - l.row * 15, text: l.text, colour: l.colour, align: 'center'})));
    return f;
  }

  /* texts draws the names and labels that frame has placed. */
  function texts(list, theme) {
    return list.map((l) => ({type: 'text', silent: true, x: l.x, y: l.y, z: 10, style: {text: l.text, fill: l.colour || theme.soft, font: (l.name ? '12px ' : '11px ') + font, textAlign: l.align, textVerticalAlign: 'top'}}));
  }

  /* ---- axes ---- */

  function label(theme, unit) {
    return {color: theme.soft, fontSize: 12, hideOverlap: true, formatter: (v) => tick(unit, v)};
  }

  function axisLine(theme) { return {axisLine: {show: true, lineStyle: {color: theme.soft}}, axisTick: {show: true, lineStyle: {color: theme.soft}}}; }

  function xOption(made, scale, f, theme) {
    const brief = made.x.unit === 'min' && scale.max - scale.min <= 10, name = titled(made.x.name, brief ? 'min:s' : made.x.unit);
    const o = Object.assign({
      type: scale.log ? 'log' : 'value', min: scale.min, max: scale.max, name: cut(name, f.wide), nameLocation: 'middle', nameGap: 26, nameTextStyle: {color: theme.soft, fontSize: 12}, splitLine: {show: false},
    }, axisLine(theme));
    o.axisLabel = label(theme, made.x.unit);
    if (brief) o.axisLabel.formatter = W.clock;
    if (made.x.unit === 'date') o.axisLabel.formatter = (v) => W.date(v, scale.max - scale.min);
    o.axisLabel.customValues = scale.ticks;
    o.axisTick.customValues = scale.ticks;
    return o;
  }

  function yOption(y, unit, k, theme) {
    const o = {type: y.log ? 'log' : 'value', position: k ? 'right' : 'left', min: y.min, max: y.max, axisLabel: label(theme, unit), axisLine: {show: false}, axisTick: {show: false}, splitLine: {show: k === 0, lineStyle: {color: theme.line}}};
    if (y.log) {
      o.axisLabel.customValues = y.ticks;
      o.axisTick.customValues = y.ticks;
    } else o.interval = y.interval;
    return o;
  }

  /* axisWidth is the room that the numbers of an axis need. */
  function axisWidth(y, unit) {
    const values = y.log ? y.ticks : Array.from({length: y.splits + 1}, (_, i) => y.min + i * y.interval);
    return Math.ceil(W.largest(values.map((v) => wide(tick(unit, v))).concat([12]))) + 18;
  }

  /* ---- tooltips ---- */

  /* reason gives what is doubtful about a row, or why it was decided so, in at most so many lines. */
  function reason(row, decision, most, width) {
    const text = decision ? row.reason : row.validity && row.validity !== 'ok' ? row.validity + (row.reasons ? ': ' + row.reasons : '') : '';
    if (!text) return [];
    const lines = wrap(text, width || 420), n = most || 4;
    return (lines.length > n ? lines.slice(0, n - 1).concat([lines[n - 1] + ' …']) : lines).map((l) => '    ' + l);
  }

  const signs = {'1': '≥', '-1': '≤', '0': ''};

  /* said gives the line of a tooltip for one point. */
  function said(p, info, made, marker) {
    if (info.missing) return 'not measured' + made.level(p.row);
    if (info.decision) return marker + ' ' + p.row.decision;
    const l = info.line;
    let text = marker + ' ' + l.name + '  ' + (p.y === null ? 'no data' : signs[p.bound] + print(l.unit, p.y));
    const lo = l.y.lo ? number(p.row, l.y.lo) : null, hi = l.y.hi ? number(p.row, l.y.hi) : null;
    if (!made.speed && (lo !== null || hi !== null)) text += '  (' + [lo, hi].map((v) => (v === null ? '?' : short(l.unit, v))).join(' to ') + ')';
    return text + made.level(p.row);
  }

  /* told gives the lines of a tooltip for all points at one place: those of a row together, and its
     reason once, as long as the chart is high enough for. */
  function told(points, made, ctx) {
    const groups = new Map();
    for (const p of points) {
      const key = p.info.decision ? p : p.point.row;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(p);
    }
    const free = Math.floor(((ctx.height || 320) - 60) / 21) - points.length, most = Math.min(groups.size > 1 ? 2 : 4, Math.max(1, Math.floor(free / groups.size))), lines = [];
    for (const list of groups.values()) {
      for (const p of list) lines.push(said(p.point, p.info, made, p.marker));
      lines.push(...reason(list[0].point.row, list[0].info.decision, most, Math.min(420, (ctx.width || 800) * 0.65)));
    }
    return lines;
  }

  /* leveled says at which level a row was measured, where a chart shows rows of several. */
  function leveled(chart, made) {
    const levels = new Set(made.rows.map((r) => number(r, 'concurrency'))), bind = chart.bind;
    const told = bind.kind === 'time' || levels.size < 2 || made.x.key === 'concurrency' || bind.by === 'concurrency' || (bind.y || []).some((y) => y.key === 'concurrency');
    return (row) => (told || number(row, 'concurrency') === null ? '' : ' at concurrency ' + short('', row.concurrency));
  }

  /* mixed says whether the points of a line are of several levels, because a reader chose the best of
     each: without its level a point cannot be held against the next. */
  function mixed(chart, ctx, made) {
    const best = (chart.bind.where || []).some((id) => (W.option(ctx, id) || {}).match);
    return best && !chart.bind.join && new Set(made.lines.flatMap((l) => l.points.map((p) => number(p.row, 'concurrency')))).size > 1;
  }

  function tooltip(chart, made, parts, found, theme, ctx) {
    return {
      show: !ctx.export, trigger: chart.bind.join || W.loose(chart) ? 'item' : 'axis', renderMode: 'richText', confine: true, backgroundColor: theme.page, borderColor: theme.soft, borderWidth: 1, padding: [6, 10],
      textStyle: {color: theme.ink, fontSize: 12, lineHeight: 17, fontFamily: font}, axisPointer: {type: 'line', lineStyle: {color: theme.soft, type: 'dashed'}}, transitionDuration: 0,
      formatter: (params) => {
        const list = [].concat(params).filter((p) => parts[p.seriesIndex] && parts[p.seriesIndex].info && !parts[p.seriesIndex].info.points[p.dataIndex].gap);
        if (!list.length) return '';
        const points = list.map((p) => parts[p.seriesIndex].info.points[p.dataIndex]), x = points[0].x, size = chart.bind.kind === 'time' ? number(points[0].row, 'working_set') : null;
        const lines = [made.x.name + ' ' + (made.x.unit === 'min' ? W.clock(x) + ' min' : print(made.x.unit, x)) + (size === null ? '' : '  (working set ' + short('tokens', size) + ')')].concat(W.inBands(found, x, made.x.unit));
        return lines.concat(told(list.map((p, i) => ({point: points[i], info: parts[p.seriesIndex].info, marker: p.marker})), made, ctx)).join('\n');
      },
    };
  }

  /* ---- whole charts ---- */

  /* base is what every chart has: colours, fonts, and the lines of a saved picture. */
  function base(chart, ctx, f, theme) {
    const titles = [];
    if (ctx.export) {
      titles.push({text: f.head.join('\n'), left: 8, top: 10, padding: 0, textStyle: {color: theme.ink, fontSize: 15, fontWeight: 'bold', lineHeight: 20, fontFamily: font},
        subtext: f.sub.join('\n'), itemGap: 2, subtextStyle: {color: theme.soft, fontSize: 11, lineHeight: 15, fontFamily: font}});
      if (f.foot.length) titles.push({text: f.foot.join('\n'), left: 8, bottom: 6, padding: 0, textStyle: {color: theme.soft, fontSize: 10, fontWeight: 'normal', lineHeight: 14, fontFamily: font}});
    }
    return {animation: false, backgroundColor: ctx.page || ctx.export ? theme.page : 'transparent', textStyle: {color: theme.ink, fontFamily: font}, title: titles, wsrunLeft: ''};
  }

  /* empty says why there is nothing to draw. */
  function empty(chart, ctx, text) {
    const theme = look(ctx), f = frame(ctx, {where: chart.bind.where, left: 20, right: 20, bottom: 20}), o = base(chart, ctx, f, theme);
    o.title.push({text, left: 'center', top: Math.round(f.top + f.high / 2 - 20), textStyle: {color: theme.soft, fontSize: 14, fontWeight: 'normal', fontFamily: font, width: f.wide, overflow: 'break'}});
    o.series = [];
    return o;
  }

  /* why names the reason that a chart over lines is empty. */
  function why(made) {
    if (!made.rows.length) return 'No data: no point has what is chosen above.';
    if (!made.chosen) return 'No statistic is chosen.';
    if (made.speed) return 'No data: no recompute (hit rate 0) was measured to compare with.';
    return 'No data: nothing was measured here.';
  }

  /* values gives all that an axis must hold: of stacked lines the sums. */
  function values(made, axis) {
    const out = [], mine = made.lines.filter((l) => l.axis === axis);
    if (made.stacked && mine.length) {
      const sums = new Map();
      for (const l of mine) for (const p of l.points) if (p.y !== null) sums.set(p.x, (sums.get(p.x) || 0) + p.y);
      return [...sums.values()];
    }
    for (const l of mine) {
      for (const p of l.points) {
        if (p.y !== null) out.push(p.y);
        for (const key of made.speed ? [] : [l.y.lo, l.y.hi]) {
          const v = key ? number(p.row, key) : null;
          if (v !== null) out.push(v);
        }
      }
    }
    return out;
  }

  /* scalesY gives the scales of the left and, where there is one, the right axis. */
  function scalesY(chart, made, list) {
    const axes = [].concat((chart.option || {}).yAxis || [{}]), unit = chart.bind.unit || [], out = [];
    const count = 1 + Math.max(0, ...made.lines.map((l) => l.axis));
    for (let k = 0; k < count; k++) {
      const log = (axes[k] || {}).type === 'log' && !made.speed, u = made.speed ? 'x' : unit[k] || '';
      const y = W.scaleY(values(made, k), list.filter((r) => r.axis === k).map((r) => r.y), u, log, k && out[0].splits ? out[0].splits : 0);
      out.push(Object.assign(y, {unit: u, name: ((axes[k] || {}).name || '') + (made.speed ? ' (speed-up over recompute)' : '')}));
    }
    return out;
  }

  const height = (ctx) => ctx.height || 320;

  function scaleOf(chart, ctx, made, time, found, n) {
    if (time) return timeScale(made, n);
    const xs = [];
    for (const r of made.rows) if (number(r, made.x.key) !== null) xs.push(r[made.x.key] * made.x.scale);
    const mode = (W.chosen(ctx, 'log')[0]) || 'auto', first = W.scaleX(xs, made.x.unit, mode, n);
    if (first.empty) return first;
    const scale = W.scaleX(xs.concat(W.within(found.stated, xs, first.log)), made.x.unit, first.log ? 'log' : 'linear', n);
    if (made.x.key === 'concurrency') { // levels are what was asked for: 1, 2, 4, 8, not round numbers between them
      const levels = [...new Set(xs)].sort((a, b) => a - b).filter((v) => v >= scale.min && v <= scale.max);
      if (levels.length > 1 && levels.length <= 2 * n) scale.ticks = levels;
    }
    return scale;
  }

  /* timeScale is the same for all charts of a page: from the first period's start to the last one's end. */
  function timeScale(made, n) {
    let min = Infinity, max = -Infinity;
    for (const r of made.rows) {
      for (const key of ['start', 'end', made.x.key]) {
        const v = number(r, key);
        if (v === null) continue;
        if (v < min) min = v;
        if (v > max) max = v;
      }
    }
    if (!(max > min)) { min = (isFinite(min) ? min : 0) - 1; max = min + 2; }
    return {log: false, min, max, ticks: W.linearTicks(min, max, n), pos: (v) => (v - min) / (max - min)};
  }

  /* overLines builds the charts of lines: over a value, or over time. */
  function overLines(chart, ctx, time) {
    const made = W.pick(chart, ctx, time), theme = look(ctx);
    if (!made.lines.length) return empty(chart, ctx, why(made));
    made.level = leveled(chart, made);
    made.chart = chart;
    made.mixed = mixed(chart, ctx, made);
    if (made.mixed) made.left = [made.left, 'The number at a point is its level.'].filter(Boolean).join(' ');
    W.paint(made.lines, theme);
    const width = ctx.width || 800, narrow = width < 600, n = Math.max(2, Math.floor((width - 90) / (made.x.unit === 'date' ? 130 : 70)));
    const found = time ? {bands: [], stated: []} : W.tiers(chart, ctx, made), list = W.across(chart, ctx, made, theme);
    const x = scaleOf(chart, ctx, made, time, found, n);
    if (x.log) made.lines = made.lines.filter((l) => { l.points = l.points.filter((p) => p.x > 0); return l.points.length; });
    if (x.empty || !made.lines.length) return empty(chart, ctx, 'No data: the axis is logarithmic and has no place for 0.');
    const ys = scalesY(chart, made, list);
    const left = time ? (narrow ? 52 : 64) : axisWidth(ys[0], ys[0].unit), right = time ? (narrow ? (ys[1] ? 52 : 14) : 60) : ys[1] ? axisWidth(ys[1], ys[1].unit) : 22;
    const decisions = time ? W.decisionSeries(chart, made, theme) : [], zoom = time && !ctx.export;
    const legends = [legend(made.lines.map((l) => ({info: l, option: l})).concat(made.missing.length ? [{info: {}, option: {name: 'not measured'}}] : []), width, 32)].concat(decisions.length ? legend(decisions, width, 11) : []);
    const f = Object.assign(frame(ctx, {
      where: chart.bind.where, legends, names: ys.map((y) => titled(y.name, y.unit)), labels: W.above(found, x, left, Math.max(40, width - left - right), theme), most: height(ctx) >= 400 ? 6 : narrow ? 4 : 3, fixed: time && marked(chart.bind, 'growth') ? 1 : 0, left, right, bottom: zoom ? 68 : 48,
    }), {x, y: ys});
    const across = W.acrossSeries(list, f, theme, made), parts = (time ? W.timeSeries(chart, ctx, made, f, theme) : W.tierSeries(found, x, theme)).concat(W.lineSeries(chart, made, f, theme, time), across.series, decisions, time ? [] : W.missingSeries(made, f, theme));
    const o = base(chart, ctx, f, theme);
    o.grid = {left: f.left, right: f.right, top: f.top, bottom: f.bottom};
    o.legend = legends.map((l, k) => legendOption(l, ctx, theme, f.legends[k]));
    o.xAxis = xOption(made, x, f, theme);
    o.yAxis = ys.map((y, k) => yOption(y, y.unit, k, theme));
    o.tooltip = tooltip(chart, made, parts, found, theme, ctx);
    o.graphic = texts(f.texts.concat(W.beyond(across.far, f, made)), theme);
    o.series = parts.map((p) => p.option);
    o.wsrunLeft = made.left;
    if (zoom) timed(o, f, theme);
    return o;
  }

  /* timed gives a chart over time its zoom: linked over a page by page.js; x only, and without
     cutting lines at the borders. */
  function timed(o, f, theme) {
    const shared = {xAxisIndex: 0, filterMode: 'none', throttle: 16};
    o.dataZoom = [
      Object.assign({type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, moveOnMouseMove: true}, shared),
      Object.assign({type: 'slider', bottom: 6, height: 14, left: f.left, right: f.right, showDataShadow: false, showDetail: false, brushSelect: false, borderColor: theme.line, fillerColor: theme.band,
        backgroundColor: 'transparent', handleStyle: {color: theme.page, borderColor: theme.soft}, moveHandleStyle: {color: theme.soft, opacity: 0.5}, moveHandleSize: 4, textStyle: {color: theme.soft}}, shared),
    ];
    delete o.xAxis.axisLabel.customValues; // zooming needs ticks of its own
    delete o.xAxis.axisTick.customValues;
    o.xAxis.axisLabel.showMinLabel = o.xAxis.axisLabel.showMaxLabel = false; // they are rarely round
  }

  /* build makes the whole echarts option of a chart. ctx: tables by id (wsrun.table), view, state (what
     the reader chose: lists of values by control), theme (light, dark), width and height in px, page
     (paint the background), and for a picture to keep export: {title, provenance}. What did not fit
     on it is said in wsrunLeft. */
  function build(chart, ctx) {
    switch (chart.bind.kind) {
      case 'stack': return W.stack(chart, ctx);
      case 'heat': return W.heat(chart, ctx);
      case 'matrix': return W.matrix(chart, ctx);
      case 'time': return overLines(chart, ctx, true);
    }
    return overLines(chart, ctx, false);
  }

  Object.assign(W, {build, frame, base, empty, legend, legendOption, texts, axisLine, yOption, axisWidth, reason});
})(typeof globalThis === 'undefined' ? this : globalThis);
