/* Bars that rise and fall, told apart without colour: a pale body in a dark edge or a solid light
   one, against a dark one. Then what is said of bars: not finished, broken off, a trend that turns. */
const SOLID_BELOW = 5;
const COLUMN_SHARE = 0.85;
const BODY_SHARE = 0.8;
const FLIP = 5;
const CALLOUT = 18;
const CALLOUT_ROWS = 3;

const isNarrow = (chart) => chart.timeScale().options().barSpacing < SOLID_BELOW;

function risingColours(narrow) {
  const edge = narrow ? colour("up-solid") : ink("up");
  return { upColor: narrow ? edge : colour("up-fill"), borderUpColor: edge, wickUpColor: edge };
}

/* Bodies too narrow for an edge are solid; the key in the headline says which of both there are. */
function paintBars(chart, state) {
  const narrow = isNarrow(chart);
  if (state.narrow === narrow) return;
  state.narrow = narrow;
  state.candles.applyOptions(risingColours(narrow));
  root.dataset.bars = narrow ? "solid" : "edged";
}

/* A painter in pixels of the screen, among the series it is attached to or above all of them. */
function painter(paint, order = "normal") {
  const renderer = {
    draw: (target) => target.useBitmapCoordinateSpace((scope) => paint(scope)),
  };
  return { paneViews: () => [{ zOrder: () => order, renderer: () => renderer }] };
}

function columnBars(chart, owner, series) {
  const { values, rising } = series;
  const [fill, solid, edge, down] = [colour("up-fill"), colour("up-solid"), ink("up"), ink("down")];
  return painter(({ context, horizontalPixelRatio: across, verticalPixelRatio: along }) => {
    const scale = chart.timeScale();
    const narrow = isNarrow(chart);
    const line = Math.max(1, Math.floor(across));
    const width = Math.max(1, Math.floor(scale.options().barSpacing * COLUMN_SHARE * across));
    const zero = Math.round(owner.priceToCoordinate(0) * along);
    values.forEach((value, at) => {
      const [x, y] = [scale.logicalToCoordinate(at), value && owner.priceToCoordinate(value)];
      if (!value || x === null || y === null) return;
      const end = Math.round(y * along);
      const [left, top] = [Math.round(x * across - width / 2), Math.min(end, zero)];
      const height = Math.max(1, Math.abs(end - zero));
      const small = narrow || height < SOLID_BELOW * along;
      context.fillStyle = rising[at] ? (small ? solid : edge) : down;
      context.fillRect(left, top, width, height);
      if (!rising[at] || small) return;
      context.fillStyle = fill;
      context.fillRect(left + line, top + line, width - 2 * line, height - 2 * line);
    });
  });
}

/* Words on the surface of the page, inside the panel. */
function callout(context, words, { x, y, right, font }) {
  context.font = font;
  const width = context.measureText(words).width + 10;
  const left = Math.max(2, Math.min(x - width / 2, right - width - 2));
  context.fillStyle = colour("surface");
  context.fillRect(left, y, width, CALLOUT);
  context.strokeStyle = colour("edge");
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, y + 0.5, width - 1, CALLOUT - 1);
  Object.assign(context, { fillStyle: colour("text"), textBaseline: "middle" });
  context.fillText(words, left + 5, y + CALLOUT / 2 + 0.5);
}

function unfinishedBars(chart, owner, state) {
  const font = `${FONT_SIZE}px ${state.font}`;
  return behind(({ context, mediaSize }) => {
    const scale = chart.timeScale();
    spec.complete.forEach((complete, at) => {
      const x = scale.logicalToCoordinate(at);
      if (complete || x === null) return;
      const [open, close, high, low] = [spec.open, spec.close, spec.high, spec.low].map(
        (column) => owner.priceToCoordinate(column[at]),
      );
      const half = Math.max(2, Math.round(scale.options().barSpacing * BODY_SHARE / 2) + 1.5);
      const rises = spec.close[at] >= spec.open[at];
      const [top, height] = [Math.min(open, close) - 2, Math.abs(open - close) + 4];
      context.lineWidth = 1.5;
      context.strokeStyle = colour("surface");
      context.strokeRect(x - half, top, 2 * half, height);
      context.strokeStyle = ink(rises ? "up" : "down");
      context.setLineDash([1.5, 2.5]);
      context.strokeRect(x - half, top, 2 * half, height);
      context.setLineDash([]);
      const under = low + 6;
      const y = under + CALLOUT < mediaSize.height ? under : Math.max(0, high - 6 - CALLOUT);
      callout(context, readings.unfinished, { x, y, right: mediaSize.width, font });
    });
  }, "top");
}

/* A stretch without bars: a stripe through all panels, and in that of prices what is missing. */
function breakStripes(chart, isPrice, state) {
  const font = `${FONT_SIZE}px ${state.font}`;
  return behind(({ context, mediaSize }) => {
    const scale = chart.timeScale();
    (spec.breaks ?? []).forEach(([at, words], place) => {
      const before = scale.logicalToCoordinate(at - 1);
      const after = scale.logicalToCoordinate(at);
      if (before === null || after === null) return;
      const x = Math.round((before + after) / 2);
      context.fillStyle = colour("surface");
      context.fillRect(x - 2, 0, 5, mediaSize.height);
      context.strokeStyle = colour("muted");
      context.setLineDash([5, 3]);
      context.lineWidth = 1;
      context.beginPath();
      for (const side of [x - 1.5, x + 2.5]) {
        context.moveTo(side, 0);
        context.lineTo(side, mediaSize.height);
      }
      context.stroke();
      context.setLineDash([]);
      if (!isPrice) return;
      const y = mediaSize.height - (CALLOUT + 4) * (1 + (place % CALLOUT_ROWS));
      callout(context, words, { x, y, right: mediaSize.width, font });
    });
  }, "top");
}

/* An arrow in the new direction on the first value after each turn of a trend. */
function turnMarks(chart, owner, series) {
  const { values, rising } = series;
  const shown = values.flatMap((value, at) => (value === null ? [] : [at]));
  const turns = shown.filter((at, place) => place > 0 && rising[at] !== rising[shown[place - 1]]);
  const [down, up] = [ink("down"), ink("up")];
  return behind(({ context }) => {
    for (const at of turns) {
      const x = chart.timeScale().logicalToCoordinate(at);
      const y = owner.priceToCoordinate(values[at]);
      if (x === null || y === null) continue;
      const size = rising[at] ? FLIP : -FLIP;
      context.fillStyle = rising[at] ? up : down;
      context.beginPath();
      context.moveTo(x, y - size);
      context.lineTo(x + FLIP, y + size);
      context.lineTo(x - FLIP, y + size);
      context.fill();
    }
  }, "normal");
}
