// Draws a Plotly figure and keeps it: a new figure changes what is there, so that zoom, selection
// and hover survive a refresh (layout.uirevision).
let library;

const load = (address) => {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      library = undefined;
      reject(new Error("the chart library cannot be loaded"));
    };
    document.head.append(script);
  });
  return library;
};

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".vs-plot");
  place.style.height = `${data.height}px`;
  place.setAttribute("aria-label", data.alt);
  place.wanted = data;
  load(data.library).then(
    async (plotly) => {
      if (place.drawing || place.gone) return; // who draws takes the newest figure
      place.drawing = true;
      while (place.wanted && !place.gone) {
        const { figure, config } = place.wanted;
        place.wanted = undefined;
        await plotly.react(place, figure.data, figure.layout, config);
      }
      place.drawing = false;
      place.watch ??= new ResizeObserver(() => {
        if (place.isConnected && place.clientWidth) plotly.Plots.resize(place);
      });
      place.watch.observe(place);
    },
    (error) => {
      place.textContent = `${data.alt} (${error.message})`;
    },
  );
  return () => {
    place.gone = true;
    place.watch?.disconnect();
    window.Plotly?.purge(place);
  };
}
