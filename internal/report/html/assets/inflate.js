/* wsrun: unpacks the script of a single file. Where that is not possible the sentences in place of the charts stay. */
(() => {
  /* inflate gives the text that an element holds as gzip in base64. */
  globalThis.wsrunInflate = async (el) => {
    const packed = Uint8Array.from(atob(el.textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  };
  if (typeof DecompressionStream === 'undefined') return;
  wsrunInflate(document.getElementById('wsrun-script')).then((text) => {
    const script = document.createElement('script');
    script.textContent = text;
    document.body.append(script);
  });
})();
