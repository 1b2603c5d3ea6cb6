/* What is drawn in a panel, and over which range. */
/* Series. A line is drawn from each point in that point's colour, so the point in front of a
   gap or of a turn is transparent: nothing bridges what is not there. */
const CLEAR = "transparent";

function linePoints(series, from, to, inkAt) {
  const { values, rising } = series;
  return values.map((value, at) => {
    if (value === null || at < from || at >= to) return { time: times[at] };
    const ends = at + 1 < count && values[at + 1] === null;
    const turns = rising && at + 1 < to && at + 1 < count && rising[at] !== rising[at + 1];
    return { time: times[at], value, color: ends || turns ? CLEAR : inkAt(at) };
  });
}

/* A value whose neighbours are gaps or of another direction has no line to either side: it is a
   short dash, as wide as a bar. The library itself draws one only where there is no other value. */
function lonePoints(chart, owner, series) {
  const { values, rising } = series;
  const joined = (one, other) =>
    other >= 0 && other < count && values[other] !== null
    && (!rising || rising[one] === rising[other]);
  const alone = values.flatMap((value, at) =>
    value === null || joined(at, at - 1) || joined(at, at + 1) ? [] : [at]);
  if (values.filter((value) => value !== null).length === 1) alone.length = 0;
  const colours = [ink(series.ink), ink("down"), ink("up")];
  return behind(({ context }) => {
    const scale = chart.timeScale();
    const { barSpacing } = scale.options();
    const [width, height] = [Math.max(3, barSpacing * 0.75), series.rising ? TREND_WIDTH : LINE_WIDTH];
    for (const at of alone) {
      const [x, y] = [scale.logicalToCoordinate(at), owner.priceToCoordinate(values[at])];
      if (x === null || y === null) continue;
      context.fillStyle = rising ? colours[1 + rising[at]] : colours[0];
      context.fillRect(x - width / 2, y - height / 2, width, height);
    }
  }, "normal");
}

function addLine(chart, series, place, options) {
  const up = ink("up");
  const down = ink("down");
  const own = ink(series.ink);
  const inkAt = (at) => (series.rising ? (series.rising[at] ? up : down) : own);
  const solidFrom = series.settling ? series.settling - 1 : 0;
  const parts = [];
  const { Solid, Dashed, Dotted } = library.LineStyle;
  const settled = series.ink === "band" ? Dotted : Solid;
  if (series.settling < count) parts.push([solidFrom, count, settled]);
  if (series.settling) parts.push([0, series.settling, Dashed]);
  for (const [from, to, lineStyle] of parts) {
    const isFirst = from === parts[0][0];
    const line = chart.addSeries(
      library.LineSeries,
      {
        ...options,
        lineStyle,
        lineWidth: series.rising ? TREND_WIDTH : WIDTHS[series.ink] ?? LINE_WIDTH,
        crosshairMarkerVisible: false,
      },
      place,
    );
    line.setData(linePoints(series, from, to, inkAt));
    if (isFirst) line.attachPrimitive(lonePoints(chart, line, series));
    if (isFirst && series.rising) line.attachPrimitive(turnMarks(chart, line, series));
  }
}

/* The library knows the values of columns; `columnBars` draws them. */
function addColumns(chart, series, place, options) {
  const columns = chart.addSeries(library.HistogramSeries, { ...options, base: 0 }, place);
  columns.setData(
    series.values.map((value, at) =>
      value === null
        ? { time: times[at] }
        : { time: times[at], value, color: CLEAR },
    ),
  );
  columns.attachPrimitive(columnBars(chart, columns, series));
}

function addCandles(chart, place, options, state) {
  const down = ink("down");
  const candles = chart.addSeries(
    library.CandlestickSeries,
    {
      ...options,
      ...risingColours(false),
      downColor: down,
      wickDownColor: down,
      borderDownColor: down,
    },
    place,
  );
  candles.setData(
    times.map((time, at) => ({
      time,
      open: spec.open[at],
      high: spec.high[at],
      low: spec.low[at],
      close: spec.close[at],
      ...(spec.complete[at] ? {} : { borderColor: CLEAR }),
    })),
  );
  candles.attachPrimitive(unfinishedBars(chart, candles, state));
  return candles;
}

/* Ranges. The whole chart has the recorded range of each panel. A part of it has the range of its
   own values, to which far overlays add little; legends stay above the data in both. */
const isWhole = (view) => view === null || (view.from <= 0.5 && view.to >= count - 1.5);

function extent(columns, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    for (let at = from; at <= to; at += 1) {
      const value = column[at];
      if (value !== null && value < low) low = value;
      if (value !== null && value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

function rangeOf(panel, from, to, whole) {
  const columns = panel.series.map((series) => series.values);
  const overlays = extent(columns, from, to);
  let range = overlays;
  if (panel.kind === "price") {
    range = extent([spec.low, spec.high], from, to);
    const room = whole ? Infinity : (range[1] - range[0]) * OVERLAY_REACH;
    if (overlays) {
      range[0] = Math.min(range[0], Math.max(overlays[0], range[0] - room));
      range[1] = Math.max(range[1], Math.min(overlays[1], range[1] + room));
    }
  } else if (range && panel.series.some((series) => series.form === "columns")) {
    range = [Math.min(range[0], 0), Math.max(range[1], 0)];
  }
  return range;
}

function shownRange(panel, view) {
  const whole = isWhole(view);
  const from = view === null ? 0 : Math.max(0, Math.floor(view.from));
  const to = view === null ? count - 1 : Math.min(count - 1, Math.ceil(view.to));
  const range = rangeOf(panel, from, to, whole);
  if (whole || panel.shade || range === null) {
    return { low: panel.low, high: panel.high, top: range && Math.min(range[1], panel.high) };
  }
  const flat = range[0] === range[1] ? Math.abs(range[0]) * FREE || 1 : 0;
  const free = (range[1] - range[0]) * FREE + flat;
  const bottom = panel.kind === "volume" ? 0 : free;
  const low = range[0] - bottom;
  const floor = panel.scale === "log" && low <= 0 ? range[0] : low;
  return { low: floor, high: range[1] + free, top: range[1] };
}

/* Return the range, widened upwards until the legends, a share of its height, cover no data. */
function withLegends({ low, high, top }, share, scale) {
  if (top === null || share >= 0.5) return [low, high];
  const log = scale === "log";
  const [start, end, data] = log ? [low, high, top].map(Math.log10) : [low, high, top];
  const needed = start + (data - start) / (1 - share);
  if (needed <= end) return [low, high];
  return [low, log ? 10 ** needed : needed];
}

/* Areas behind the data. */
function behind(paint, order = "bottom") {
  const renderer = {
    draw: (target) => target.useMediaCoordinateSpace((scope) => paint(scope)),
  };
  return { paneViews: () => [{ zOrder: () => order, renderer: () => renderer }] };
}

function bandArea(chart, owner, panel) {
  const byName = new Map(panel.series.map((series) => [series.name, series.values]));
  const [upper, lower] = panel.band.map((name) => byName.get(name));
  const fill = colour("band-area");
  return behind(({ context }) => {
    context.fillStyle = fill;
    let run = [];
    for (let at = 0; at <= count; at += 1) {
      if (at < count && upper[at] !== null && lower[at] !== null) {
        run.push(at);
      } else if (run.length) {
        fillBetween(context, chart, owner, { run, upper, lower });
        run = [];
      }
    }
  });
}

function fillBetween(context, chart, owner, { run, upper, lower }) {
  const scale = chart.timeScale();
  const bottom = stage.clientHeight * 4;
  const y = (value) => owner.priceToCoordinate(value) ?? bottom;
  context.beginPath();
  for (const at of run) context.lineTo(scale.logicalToCoordinate(at), y(upper[at]));
  for (const at of run.toReversed()) context.lineTo(scale.logicalToCoordinate(at), y(lower[at]));
  context.closePath();
  context.fill();
}

function shadeArea(owner, panel) {
  const [fill, edge] = [colour("shade"), colour("edge")];
  return behind(({ context, mediaSize }) => {
    const [low, high] = panel.shade.map((value) => owner.priceToCoordinate(value));
    context.fillStyle = fill;
    context.fillRect(0, high, mediaSize.width, low - high);
    context.fillStyle = edge;
    for (const y of [low, high]) context.fillRect(0, Math.round(y), mediaSize.width, 1);
  });
}

/* The axis at the right and its lines. The whole chart has the recorded labels, a part of it
   labels at the values the library finds round; none runs into another or into a tag. */
function axisMarks(chart, owner, panel, state) {
  const [line, text] = [colour("grid"), colour("text")];
  const font = `${FONT_SIZE}px ${state.font}`;
  const write = writer(panel);
  const tags = [...panel.levels.map(([value]) => value), ...(panel.tag ? [panel.tag[0]] : [])];
  const marks = () => {
    const recorded = panel.shade || isWhole(chart.timeScale().getVisibleLogicalRange());
    const found = () => (state.ticks.get(panel) ?? []).map((value) => [value, write(value)]);
    const chosen = recorded ? panel.ticks : found();
    return chosen.map(([value, label]) => ({ y: owner.priceToCoordinate(value), label }));
  };
  const lines = behind(({ context, mediaSize }) => {
    context.fillStyle = line;
    for (const { y } of marks()) context.fillRect(0, Math.round(y), mediaSize.width, 1);
  });
  const labels = behind(({ context, mediaSize }) => {
    Object.assign(context, { font, fillStyle: text, textBaseline: "middle" });
    const taken = tags.map((value) => owner.priceToCoordinate(value));
    for (const { y, label } of marks()) {
      const inside = y > -1 && y < mediaSize.height + 1;
      const at = Math.min(Math.max(y, FONT_SIZE / 2), mediaSize.height - FONT_SIZE / 2);
      if (!inside || taken.some((other) => Math.abs(other - at) < LABEL_ROOM)) continue;
      context.fillText(label, LABEL_AT, at);
      taken.push(at);
    }
  });
  return { paneViews: lines.paneViews, priceAxisPaneViews: labels.paneViews };
}

/* Return the width the axis needs for its recorded labels. */
function axisWidth(font) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `${FONT_SIZE}px ${font}`;
  const labels = spec.panels.flatMap((panel) => [
    ...panel.ticks.map(([, label]) => label),
    ...panel.levels.map(([, , label]) => label),
    panel.tag ? panel.tag[1] : "",
  ]);
  const widths = labels.map((label) => context.measureText(label).width);
  return Math.ceil(Math.max(...widths)) + 2 * LABEL_AT;
}

/* One panel: its series, then what is drawn across it. */
function addPanel(chart, panel, place, state) {
  const provider = {
    autoscaleInfoProvider: () => {
      // A panel has no size before it was first laid out.
      const { height } = state.ready
        ? chart.paneSize(place)
        : { height: stage.clientHeight * panel.share };
      const covered = state.legends[place].offsetHeight + LEGEND_GAP;
      const share = height > 0 ? covered / height : 0;
      const shown = shownRange(panel, chart.timeScale().getVisibleLogicalRange());
      const [minValue, maxValue] = withLegends(shown, share, panel.scale);
      return { priceRange: { minValue, maxValue } };
    },
  };
  const options = {
    priceFormat: priceFormat(panel, state.ticks),
    priceLineVisible: false,
    lastValueVisible: false,
    ...provider,
  };
  const isPrice = place === 0;
  for (const series of panel.series.filter((each) => each.form === "columns")) {
    addColumns(chart, series, place, options);
  }
  if (isPrice) state.candles = addCandles(chart, place, options, state);
  for (const series of panel.series.filter((each) => each.form !== "columns")) {
    addLine(chart, series, place, options);
  }
  const owner = isPrice ? state.candles : chart.panes()[place].getSeries()[0];
  const mode = panel.scale === "log" ? "Logarithmic" : "Normal";
  owner.priceScale().applyOptions({
    mode: library.PriceScaleMode[mode],
    scaleMargins: { top: 0, bottom: 0 },
    borderColor: colour("edge"),
    minimumWidth: state.axisWidth,
    tickMarkDensity: isPrice ? PRICE_DENSITY : PANEL_DENSITY,
  });
  if (panel.band) owner.attachPrimitive(bandArea(chart, owner, panel));
  if (panel.shade) owner.attachPrimitive(shadeArea(owner, panel));
  owner.attachPrimitive(axisMarks(chart, owner, panel, state));
  owner.attachPrimitive(breakStripes(chart, isPrice, state));
  addMarks(owner, panel);
  chart.panes()[place].setStretchFactor(panel.share * 1000);
}

function addMarks(owner, panel) {
  const { Solid, Dashed } = library.LineStyle;
  for (const price of panel.guides) {
    const color = colour("edge");
    owner.createPriceLine({
      price, color, lineStyle: Solid, lineWidth: 1, axisLabelVisible: false, title: "",
    });
  }
  const marks = panel.levels.map(
    ([price, title, , name]) => ({ price, title, name, line: true }),
  );
  if (panel.tag) {
    const [price, , name, line] = panel.tag;
    marks.push({ price, title: "", name, line: Boolean(line) });
  }
  for (const { price, title, name, line } of marks) {
    owner.createPriceLine({
      price,
      title,
      color: ink(name),
      lineStyle: Dashed,
      lineWidth: 1,
      lineVisible: line,
      axisLabelVisible: true,
      axisLabelColor: ink(name),
      axisLabelTextColor: colour("on-tag"),
    });
  }
}

function chartOptions(fontFamily) {
  const [grid, edge, tag] = [colour("grid"), colour("edge"), colour("crosshair-tag")];
  const line = { color: colour("crosshair"), width: 1, labelBackgroundColor: tag };
  return {
    // The size comes from the first `resize`, which lays out the panels at once.
    width: 1,
    height: 1,
    layout: {
      background: { type: library.ColorType.Solid, color: colour("surface") },
      textColor: colour("text"),
      fontFamily,
      fontSize: FONT_SIZE,
      attributionLogo: false,
      panes: { separatorColor: edge, separatorHoverColor: grid },
    },
    grid: { vertLines: { color: grid }, horzLines: { visible: false } },
    crosshair: { mode: library.CrosshairMode.Normal, vertLine: line, horzLine: line },
    localization: { locale: "en-US", timeFormatter: dayAt },
    timeScale: {
      borderColor: edge,
      fixLeftEdge: BESIDE === 0,
      fixRightEdge: BESIDE === 0,
      lockVisibleTimeRangeOnResize: true,
      minBarSpacing: 0.05,
      tickMarkFormatter: markText,
    },
    handleScroll: { vertTouchDrag: false },
  };
}
