/* wsrun: what a page does. */
(function () {
  'use strict';
  const W = globalThis.wsrun, doc = document;
  doc.documentElement.classList.add('js');

  function tableOf(el) {
    const columns = [...el.tHead.rows[0].cells].map((th) => ({key: th.dataset.key, unit: th.dataset.unit || '', text: th.classList.contains('text')}));
    return W.table(columns, [...el.tBodies[0].rows].map((tr) => [...tr.cells].map((td) => td.textContent)));
  }

  const dark = matchMedia('(prefers-color-scheme: dark)');

  function mount(section) {
    const view = JSON.parse(section.querySelector('script.view-data').textContent);
    view.controls = view.controls || [];
    if (!view.charts) return;
    const tables = {};
    section.querySelectorAll('table.data').forEach((el) => { tables[el.dataset.table] = tableOf(el); });
    const state = {};
    view.charts.forEach((chart) => {
      const el = section.querySelector('figure[data-chart="' + CSS.escape(chart.id) + '"] .plot');
      const c = echarts.init(el, null, {renderer: 'canvas'});
      const draw = () => c.setOption(W.build(chart, {tables, view, state, theme: dark.matches ? 'dark' : 'light', width: el.clientWidth}), true);
      draw();
      dark.addEventListener('change', draw);
      addEventListener('resize', () => { c.resize(); draw(); });
    });
  }

  doc.querySelectorAll('section.view').forEach(mount);
  doc.body.dataset.ready = 'true';
})();
