import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Placeholder of the first build: the plugins of the extension are listed here. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [];

export default plugins;
