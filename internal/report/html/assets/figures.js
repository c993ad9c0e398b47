/* wsrun: the charts of a page: drawn when they come into sight, zoomed together, read by keyboard, printed, saved. */
(function (root) {
  'use strict';
  const W = root.wsrun, doc = document, make = W.make;
  const plots = []; // of the sections that were shown
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let printing = false;

  W.theme = () => (printing ? 'light' : doc.documentElement.dataset.theme || (dark.matches ? 'dark' : 'light'));

  /* ---- drawing ---- */

  /* context is what a chart is made from (see report.js). */
  function context(p, more) {
    return Object.assign({tables: p.page.tables, view: p.page.view, state: p.page.state, theme: W.theme(), width: p.el.clientWidth, height: p.el.clientHeight}, more);
  }

  /* option makes the whole echarts option of a chart, at the zoom of its page. */
  function option(p, more) {
    const made = W.build(p.chart, context(p, more)), zoom = p.page.zoom;
    [].concat(made.dataZoom || []).forEach((z) => {
      if (zoom) { z.start = zoom.start; z.end = zoom.end; }
      if (printing || (more && more.export)) z.show = false; // there is nothing to drag on paper
    });
    return made;
  }

  const sheet = 1040; // the width of paper in px

  /* paper is the size of a plot on paper, which is drawn twice as fine and scaled to its place. */
  function paper(p) {
    return {renderer: 'canvas', width: p.page.linked ? sheet : 510, height: p.chart.tall ? 420 : 280, devicePixelRatio: 2};
  }

  function start(p) {
    p.c = echarts.init(p.el, null, printing ? paper(p) : {renderer: 'canvas'});
    p.width = p.el.clientWidth;
    if (p.page.linked) p.c.on('datazoom', (e) => zoomed(p, e.batch ? e.batch[0] : e));
  }

  function draw(p) {
    p.stale = false;
    try {
      if (!p.c) start(p);
      const size = printing ? paper(p) : null;
      if (!size && p.width !== p.el.clientWidth) { p.c.resize(); p.width = p.el.clientWidth; }
      p.option = option(p, size ? {width: size.width, height: size.height} : {});
      p.c.setOption(p.option, true);
      p.left.textContent = p.option.wsrunLeft || '';
      p.left.hidden = !p.option.wsrunLeft;
      p.el.setAttribute('aria-label', describe(p));
      p.stops = null;
    } catch (e) {
      console.error('chart ' + p.chart.id + ': ' + (e.stack || e));
      stop(p);
      p.el.replaceChildren(make('p', {class: 'failed', role: 'alert'}, 'This chart could not be drawn (' + e.message + '). Its numbers are in the table.'));
    }
  }

  function stop(p) {
    if (p.c) p.c.dispose();
    p.c = null;
  }

  /* Charts in sight are drawn in the next frame, the others when they come near. */
  let frame = 0, opened = false, seen = false; // seen: it is known what is in sight
  function flush() {
    frame = 0;
    plots.forEach((p) => { if (p.near && p.stale) draw(p); });
    if (opened && (seen || !plots.length)) doc.body.dataset.ready = 'true';
  }

  function soon() { if (!frame) frame = requestAnimationFrame(flush); }

  const sight = new IntersectionObserver((entries) => {
    entries.forEach((e) => { e.target.wsrunPlot.near = e.isIntersecting; });
    seen = true;
    soon();
  }, {rootMargin: '400px 0px'});

  const sizes = new ResizeObserver((entries) => {
    if (printing) return;
    entries.forEach((e) => { const p = e.target.wsrunPlot; if (p.c && p.width !== p.el.clientWidth) p.stale = true; });
    soon();
  });

  /* again has the charts drawn again: all, or those of one page. */
  W.again = function (page) {
    plots.forEach((p) => { if (!page || p.page === page) p.stale = true; });
    soon();
  };

  dark.addEventListener('change', () => W.again());

  /* ---- paper: all charts, light, whether they were in sight or not; tables as small as they must be ---- */

  function print(on) {
    if (on === printing) return;
    printing = on;
    doc.documentElement.classList.toggle('paper', on);
    if (on) W.whole();
    doc.querySelectorAll(on ? 'details:not([open])' : 'details.unfolded').forEach((d) => { // nobody can unfold paper
      d.open = on;
      d.classList.toggle('unfolded', on);
    });
    doc.querySelectorAll('table.data').forEach((t) => {
      t.style.zoom = '';
      if (on && t.offsetWidth > sheet) t.style.zoom = sheet / t.offsetWidth;
    });
    plots.forEach((p) => {
      if (p.page.section.hidden) return;
      stop(p);
      p.stale = true;
      if (on) draw(p);
    });
    if (!on) soon();
  }
  addEventListener('beforeprint', () => print(true));
  addEventListener('afterprint', () => print(false));
  matchMedia('print').addEventListener('change', (e) => print(e.matches));

  /* ---- linked zoom: one step a frame, and only for charts in sight ---- */

  let step = 0;
  function zoomed(p, e) {
    const page = p.page;
    if (page.following || e.start === undefined) return;
    page.zoom = {start: e.start, end: e.end};
    page.leader = p;
    if (!step) step = requestAnimationFrame(() => { step = 0; follow(page); });
  }

  function follow(page) {
    page.following = true;
    plots.forEach((p) => {
      if (p.page !== page || p === page.leader || !p.c) return;
      if (!p.near) { p.stale = true; return; }
      p.c.dispatchAction({type: 'dataZoom', start: page.zoom.start, end: page.zoom.end});
    });
    page.following = false;
  }

  /* ---- in words ---- */

  const pair = (d) => (d && d.value !== undefined ? d.value : d);
  const points = (s) => (s.data || []).map(pair).filter((v) => Array.isArray(v) || ArrayBuffer.isView(v));

  /* unit is that of a series: of its axis. */
  const unit = (p, s) => p.chart.bind.unit[s.yAxisIndex || 0] || '';

  /* drawn are the series that people read: with data and a place in the tooltip. */
  function drawn(p) {
    return [].concat(p.option.series || []).filter((s) => points(s).length && !s.silent && (!s.tooltip || s.tooltip.show !== false));
  }

  /* describe says what a chart shows: its title, and the range of each series. */
  function describe(p) {
    const kind = p.chart.bind.kind;
    if (kind === 'heat' || kind === 'matrix') return p.chart.title + '. A shaded grid; its numbers are in the table below.';
    const parts = drawn(p).slice(0, 12).map((s) => {
      const y = points(s).map((v) => v[1]).filter((v) => typeof v === 'number' && isFinite(v));
      if (!y.length) return '';
      const lo = W.print(unit(p, s), Math.min(...y)), hi = W.print(unit(p, s), Math.max(...y));
      return s.name + (lo === hi ? ' ' + lo : ' from ' + lo + ' to ' + hi);
    }).filter(Boolean);
    return p.chart.title + '. ' + (parts.length ? parts.join('; ') + '.' : 'No data.') + ' The numbers are in the table below.';
  }

  /* ---- keyboard: from point to point ---- */

  /* stops are the points that arrow keys go to: one for each x where the tooltip is for all
     series, else every point. */
  function stops(p) {
    if (p.stops) return p.stops;
    const axis = p.option.tooltip && p.option.tooltip.trigger === 'axis', all = [], seen = new Set();
    [].concat(p.option.series || []).forEach((s, seriesIndex) => {
      if (s.silent || (s.tooltip && s.tooltip.show === false)) return;
      (s.data || []).forEach((d, dataIndex) => {
        const v = pair(d);
        const x = v && v.length ? v[0] : dataIndex;
        if (x === null || (axis && seen.has(x))) return;
        seen.add(x);
        all.push({seriesIndex, dataIndex, x});
      });
    });
    if (axis) all.sort((a, b) => a.x - b.x);
    p.stops = all;
    p.at = -1;
    return all;
  }

  const moves = {ArrowRight: (i) => i + 1, ArrowLeft: (i) => i - 1, Home: () => 0, End: (i, n) => n - 1};

  function key(p, e) {
    if (!p.c || e.ctrlKey || e.altKey || e.metaKey) return;
    if (e.key === 'Escape') { hide(p); return; }
    if (!moves[e.key]) return;
    e.preventDefault();
    const all = stops(p);
    if (!all.length) return;
    p.at = Math.min(all.length - 1, Math.max(0, moves[e.key](p.at, all.length)));
    const {seriesIndex, dataIndex, x} = all[p.at];
    p.c.dispatchAction({type: 'showTip', seriesIndex, dataIndex});
    tell(x, p);
  }

  function hide(p) {
    if (p.c) {
      p.c.dispatchAction({type: 'updateAxisPointer', currTrigger: 'leave'});
      p.c.dispatchAction({type: 'hideTip'});
    }
    p.at = -1;
  }

  /* unitX is that of the x axis: of its column, or of what was chosen. */
  function unitX(p) {
    const b = p.chart.bind, c = p.page.view.controls.find((o) => o.id === 'x');
    if (b.x || !c) return p.page.tables[b.table].units[b.x] || '';
    return (c.options.find((o) => o.value === p.page.state.x[0]) || {}).unit || '';
  }

  /* tell reads the point out: what the tooltip shows, in one line. */
  const live = make('p', {class: 'live', 'aria-live': 'polite'});
  doc.body.append(live);
  function tell(x, p) {
    const axis = [].concat(p.option.xAxis || [])[0] || {};
    const head = axis.data ? String(pair(axis.data[x]) ?? x) : W.print(unitX(p), x);
    live.textContent = (axis.name || '') + ' ' + head + ': ' + drawn(p).map((s) => {
      const v = points(s).find((o) => o[0] === x);
      return v && typeof v[1] === 'number' ? s.name + ' ' + W.print(unit(p, s), v[1]) : '';
    }).filter(Boolean).join(', ');
  }

  /* ---- pictures ---- */

  /* save makes a picture of a chart, white and twice as fine, with its title and where it comes from. */
  function save(p) {
    const width = 1000, height = p.chart.tall ? 690 : 520;
    const c = echarts.init(make('div'), null, {renderer: 'canvas', width, height, devicePixelRatio: 2});
    c.setOption(option(p, {theme: 'light', width, height, page: true, export: {title: p.chart.title, provenance: p.page.view.provenance || ''}}));
    c.renderToCanvas({pixelRatio: 2, backgroundColor: '#fff'}).toBlob((blob) => {
      const href = URL.createObjectURL(blob);
      make('a', {href, download: p.page.section.id + '_' + p.chart.id + '.png'}).click();
      setTimeout(() => URL.revokeObjectURL(href), 10000);
      c.dispose();
    }, 'image/png');
  }

  function toTable(p) {
    const table = [...p.page.section.querySelectorAll('table.data')].find((t) => t.dataset.table === p.chart.bind.table);
    const box = table && table.closest('.scroll');
    if (!box) return;
    box.focus({preventScroll: true});
    box.scrollIntoView({block: 'start'});
  }

  /* ---- the figures of a page ---- */

  function figure(page, chart) {
    const p = {page, chart, stale: true, near: false, c: null, at: -1};
    const id = page.section.id + '-' + chart.id;
    p.el = make('div', {class: 'plot' + (chart.tall ? ' tall' : ''), role: 'img', tabindex: '0', 'aria-label': chart.title, 'aria-describedby': chart.text ? id : null,
      onkeydown: (e) => key(p, e), onblur: () => hide(p)});
    p.el.wsrunPlot = p;
    p.left = make('p', {class: 'left', hidden: true});
    p.figure = make('figure', {'data-chart': chart.id},
      make('figcaption', {}, make('h2', {}, chart.title),
        make('span', {class: 'acts'},
          make('button', {type: 'button', title: 'Save this chart as a picture', 'aria-label': 'Save as PNG: ' + chart.title, onclick: () => save(p)}, 'PNG'),
          make('button', {type: 'button', title: 'Go to the numbers', 'aria-label': 'Numbers of: ' + chart.title, onclick: () => toTable(p)}, 'Table')),
        chart.text ? make('p', {id}, chart.text) : null),
      p.el, p.left);
    return p;
  }

  /* figures puts the charts of a page in, to be drawn when they come into sight. */
  W.figures = function (page) {
    const box = page.section.querySelector('.charts'), charts = page.view.charts;
    page.linked = charts.some((c) => c.bind.kind === 'time');
    if (page.linked) box.classList.add('time');
    charts.forEach((chart) => {
      const p = figure(page, chart);
      plots.push(p);
      box.append(p.figure);
      sight.observe(p.el);
      sizes.observe(p.el);
    });
    soon();
  };
  W.plots = plots; // for whoever looks from outside: tests
  W.ready = () => { opened = true; soon(); };
})(globalThis);
