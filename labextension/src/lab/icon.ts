import { LabIcon } from '@jupyterlab/ui-components';

/** A cell in the corners of a viewfinder: what a snapshot keeps. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 3h6v2H5v4H3zM15 3h6v6h-2V5h-4zM3 15h2v4h4v2H3zM19 15h2v6h-6v-2h4z"/>
    <circle cx="12" cy="12" r="4"/>
  </g>
</svg>`;

export const etiqIcon = new LabIcon({ name: 'etiq:snapshot', svgstr: SVG });
