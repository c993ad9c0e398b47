/* wsrun: unpacks the script of a single file. Where that is not possible the sentence in place of the charts stays. */
(async () => {
  if (typeof DecompressionStream === 'undefined') return;
  const packed = Uint8Array.from(atob(document.getElementById('wsrun-script').textContent), (c) => c.charCodeAt(0));
  const script = document.createElement('script');
  script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  document.body.append(script);
})();
