/* wsrun: looks, scales and room. */
(function (root) {
  'use strict';
  const W = root.wsrun;

  /* Colours begin with Okabe and Ito's blue and orange; the others are as far from them, and from
     each other, as eyes of every kind can tell (a test computes it), in that order.
     ramp is for shades: from nothing to much, even in lightness. */
  const themes = {
    light: {ink: '#1b1f24', soft: '#57606a', line: '#d0d7de', page: '#ffffff', band: 'rgba(87,96,106,.13)', edge: 'rgba(87,96,106,.7)', limit: '#b4231f', told: '#6f4aa8',
      colours: ['#0072b2', '#d55e00', '#662c14', '#4d2c7f', '#1600e5', '#994c5b', '#00a0b2', '#987fff'],
      ramp: ['#eaf2fa', '#b9d5ea', '#74b0d8', '#2f7fbd', '#0b559f', '#08306b']},
    dark: {ink: '#e6edf3', soft: '#9da7b3', line: '#30363d', page: '#0f1419', band: 'rgba(157,167,179,.17)', edge: 'rgba(157,167,179,.55)', limit: '#ff7b72', told: '#c3a6ff',
      colours: ['#56b4e9', '#e69f00', '#ffff66', '#66ffff', '#b226ff', '#e62600', '#4d8080', '#b2b299'],
      ramp: ['#172433', '#1d4468', '#236da3', '#4b9bd0', '#93c8ea', '#e4f3ff']},
  };

  const font = 'system-ui, sans-serif';

  function look(ctx) { return themes[ctx.export || ctx.theme !== 'dark' ? 'light' : 'dark']; }

  function channels(hex) { return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)); }

  /* fade gives a colour of a theme an opacity. */
  function fade(hex, alpha) { return 'rgba(' + channels(hex).join(',') + ',' + alpha + ')'; }

  /* luminance is that of WCAG: above 0.179 black is easier to read on a colour than white. */
  function luminance(rgb) {
    const [r, g, b] = rgb.map((v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  /* shade gives the colour of a ramp at part (0 to 1), and ink that can be read on it. */
  function shade(ramp, part) {
    const at = Math.min(1, Math.max(0, part)) * (ramp.length - 1), i = Math.min(ramp.length - 2, Math.floor(at));
    const a = channels(ramp[i]), b = channels(ramp[i + 1]);
    const mix = a.map((v, k) => Math.round(v + (b[k] - v) * (at - i)));
    return {colour: 'rgb(' + mix.join(',') + ')', ink: luminance(mix) > 0.179 ? '#000000' : '#ffffff'};
  }

  /* ---- text ---- */

  /* wide estimates the width of a text in px at a size of 12: a picture made without a browser
     has no other way, and both must look alike. */
  function wide(text) {
    let w = 0;
    for (const c of text) {
      const code = c.codePointAt(0);
      w += code > 0x2e7f ? 12 : /[ijlt.,:;'|!()[\] ]/.test(c) ? 3.9 : /[mwMW%→≥]/.test(c) ? 10.2 : /[A-Z]/.test(c) ? 8.2 : 6.9;
    }
    return w;
  }

  /* cut shortens a text to a width. */
  function cut(text, width) {
    if (wide(text) <= width) return text;
    const all = [...text];
    let n = all.length;
    while (n > 1 && wide(all.slice(0, n).join('')) + 8 > width) n--;
    return all.slice(0, n).join('').trimEnd() + '…';
  }

  /* wrap breaks a text into lines of a width, between words where it can. */
  function wrap(text, width) {
    const lines = [];
    let line = '';
    for (let word of text.split(/\s+/)) {
      if (line && wide(line + ' ' + word) > width) { lines.push(line); line = ''; }
      while (wide(word) > width) {
        let n = 1;
        const all = [...word];
        while (n < all.length && wide(all.slice(0, n + 1).join('')) <= width) n++;
        if (n >= all.length) break;
        lines.push(all.slice(0, n).join(''));
        word = all.slice(n).join('');
      }
      line = line ? line + ' ' + word : word;
    }
    if (line) lines.push(line);
    return lines;
  }

  /* ---- scales ---- */

  /* nice gives the smallest round number that is not below v. */
  function nice(v) {
    const p = Math.pow(10, Math.floor(Math.log10(v)));
    for (const m of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) if (m * p >= v * (1 - 1e-9)) return m * p;
    return 10 * p;
  }

  /* step is nice for the distance of ticks. */
  function step(v) {
    const p = Math.pow(10, Math.floor(Math.log10(v)));
    for (const m of [1, 2, 5, 10]) if (m * p >= v * (1 - 1e-9)) return m * p;
    return 10 * p;
  }

  function tidy(v) { return Number(v.toPrecision(12)); }

  function least(list) { let m = Infinity; for (const v of list) if (v < m) m = v; return m; }
  function largest(list) { let m = -Infinity; for (const v of list) if (v > m) m = v; return m; }

  /* evenly keeps at most n of a list, the first and the last among them. */
  function evenly(list, n) {
    if (list.length <= n) return list;
    if (n === 1) return [list[list.length - 1]];
    const out = [];
    for (let i = 0; i < n; i++) out.push(list[Math.round(i * (list.length - 1) / (n - 1))]);
    return out;
  }

  /* logTicks gives round numbers of a log axis, about n of them. */
  function logTicks(min, max, n) {
    for (const parts of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]) {
      const out = [];
      for (let p = Math.floor(Math.log10(min)); p <= Math.ceil(Math.log10(max)); p++) {
        for (const m of parts) {
          const v = tidy(m * Math.pow(10, p));
          if (v >= min && v <= max) out.push(v);
        }
      }
      if (out.length <= n || parts.length === 1) return out.length >= 2 ? evenly(out, Math.max(2, n)) : [tidy(Number(min.toPrecision(2))), tidy(Number(max.toPrecision(2)))].filter((v) => v >= min && v <= max);
    }
    return [];
  }

  function linearTicks(min, max, n) {
    const by = step((max - min) / Math.max(1, n)), out = [];
    for (let k = Math.ceil(min / by - 1e-9); k * by <= max + by * 1e-9 && out.length < 50; k++) out.push(tidy(k * by));
    return out;
  }

  const days = [1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 91 * 86400, 365 * 86400];

  /* dateTicks gives about n moments: at round times where two or more of them lie in sight, else spread evenly. */
  function dateTicks(min, max, n) {
    const by = days.find((d) => (max - min) / d <= n) || step((max - min) / n), out = [];
    for (let k = Math.ceil(min / by); k * by <= max && out.length < 50; k++) out.push(k * by);
    if (out.length >= 2) return out;
    const unit = max - min > 4 * 86400 ? 86400 : max - min > 1200 ? 60 : 1, even = [];
    for (let i = 0; i < n; i++) even.push(Math.round((min + (max - min) * (i + 0.5) / n) / unit) * unit);
    return [...new Set(even)].filter((v) => v >= min && v <= max);
  }

  /* scaleX is the x axis over values: log where it is asked for (auto: the largest is more than
     ten times the smallest), with room at both ends so that no point is on the frame. */
  function scaleX(values, unit, mode, n) {
    const log = unit !== 'date' && mode !== 'linear' && (mode === 'log' || largest(values) > 10 * least(values.filter((v) => v > 0)));
    if (log) values = values.filter((v) => v > 0);
    if (!values.length) return {log: false, min: 0, max: 1, ticks: [], empty: true};
    let min = least(values), max = largest(values);
    if (log) {
      const pad = max > min ? Math.pow(max / min, 0.04) : 2;
      min /= pad; max *= pad;
    } else {
      const pad = max > min ? (max - min) * 0.04 : Math.abs(max) * 0.5 || 1;
      const low = min;
      min -= pad; max += pad;
      if (low > 0 && min < 0) min = 0;
    }
    const ticks = unit === 'date' ? dateTicks(min, max, n) : log ? logTicks(min, max, n) : linearTicks(min, max, n);
    const pos = log ? (v) => Math.log(v / min) / Math.log(max / min) : (v) => (v - min) / (max - min);
    return {log, min, max, ticks, pos};
  }

  /* scaleY is an axis of values. It begins at 0, or below where a value does, and ends at a round
     number; limits (refs) extend it while they are within three times the largest value: one far
     above would flatten the curve, and is told in words. splits makes a second axis fit a grid. */
  function scaleY(values, refs, unit, log, splits) {
    let max = largest(values), min = least(values);
    if (!isFinite(max)) return {log: false, min: 0, max: 1, interval: 0.25, splits: 4, far: []};
    if (log) return logY(values, refs);
    const far = refs.filter((r) => r > 3 * max && max > 0);
    max = Math.max(max, ...refs.filter((r) => !far.includes(r)), 0);
    min = Math.min(min, 0);
    if (max === min) max = min + 1;
    if (unit === '%' && min === 0 && max < 100.5 && max > 40) return {log: false, min: 0, max: 100, interval: 20, splits: 5, far};
    const top = max * (unit === '%' ? 1 : 1.04);
    let interval = splits ? nice((top - min) / splits) : step((top - min) / 5);
    if (!splits && (top - min) / interval < 3) interval /= 2;
    const low = min < 0 ? Math.floor(min / interval - 1e-9) * interval : 0;
    let n = Math.max(1, Math.ceil((top - low) / interval - 1e-9));
    if (splits) n = Math.max(n, splits);
    return {log: false, min: tidy(low), max: tidy(low + n * interval), interval: tidy(interval), splits: n, far};
  }

  function logY(values, refs) {
    values = values.filter((v) => v > 0);
    if (!values.length) return {log: false, min: 0, max: 1, interval: 0.25, splits: 4, far: []};
    const top = largest(values), far = refs.filter((r) => r > 3 * top);
    const max = Math.max(top, ...refs.filter((r) => !far.includes(r))) * 1.15, min = least(values) / 1.15;
    return {log: true, min, max, ticks: logTicks(min, max, 8), far};
  }

  Object.assign(W, {themes, font, look, fade, shade, wide, cut, wrap, nice, tidy, least, largest, evenly, scaleX, scaleY, linearTicks});
})(typeof globalThis === 'undefined' ? this : globalThis);
