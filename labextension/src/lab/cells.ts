import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import type { ICodeCell } from '@jupyterlab/nbformat';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import type { Widget } from '@lumino/widgets';

/** Code that people run by themselves: nothing of the extension executes anything. */
export const LOAD_CELL = '%load_ext etiq_jupyter';
export const LOGIN_CELL = '%etiq_login';

export function restoreCell(snapshot: string): string {
  return `%etiq_restore ${snapshot}`;
}

/** The form in which JupyterLab's notebooks take cells that are dropped on them. */
const CELL_MIME = 'application/vnd.jupyter.cells';

/** A console, told by its form. */
interface IPrompting {
  console?: { promptCell?: { model: { sharedModel: { setSource(code: string): void } } } | null };
}

/** Whether {@link insertCode} can do something with a widget. */
export function takesCode(widget: Widget | null): widget is Widget {
  return widget instanceof NotebookPanel || (widget as IPrompting | null)?.console !== undefined;
}

/**
 * Put code where its user sees it and can run it: a new cell below the active one (the active one
 * itself when it is an empty code cell), or a console's prompt.
 */
export function insertCode(widget: Widget, code: string): void {
  if (widget instanceof NotebookPanel) {
    const notebook = widget.content;
    const active = notebook.activeCell;
    const isEmptyCode =
      active?.model.type === 'code' && active.model.sharedModel.getSource().trim() === '';
    if (!isEmptyCode) {
      NotebookActions.insertBelow(notebook);
      NotebookActions.changeCellType(notebook, 'code');
    }
    notebook.activeCell?.model.sharedModel.setSource(code);
    NotebookActions.focusActiveCell(notebook);
    void notebook.scrollToItem(notebook.activeCellIndex, 'smart');
  } else {
    (widget as IPrompting).console?.promptCell?.model.sharedModel.setSource(code);
  }
}

/** Put `%%snapshot` before the active cell's code; false when it is there, or there is no cell. */
export function keepActiveCell(widget: Widget | null): boolean {
  if (!(widget instanceof NotebookPanel)) {
    return false;
  }
  const cell = widget.content.activeCell;
  if (cell?.model.type !== 'code') {
    return false;
  }
  const source = cell.model.sharedModel.getSource();
  if (source.startsWith('%%')) {
    return false;
  }
  cell.model.sharedModel.setSource(`%%snapshot\n${source}`);
  return true;
}

/** Let the user drag code from here into a notebook, where it becomes a cell. */
export function dragCode(code: string, event: DragEvent, document: Document): void {
  // A drag of the browser would end in text inside whatever it is dropped on.
  event.preventDefault();
  const cell: ICodeCell = {
    cell_type: 'code',
    source: code,
    metadata: {},
    outputs: [],
    execution_count: null
  };
  const data = new MimeData();
  data.setData(CELL_MIME, [cell]);
  data.setData('text/plain', code);
  const image = document.createElement('div');
  image.className = 'etiq-drag-image';
  image.textContent = code;
  const drag = new Drag({
    mimeData: data,
    dragImage: image,
    supportedActions: 'copy-move',
    proposedAction: 'copy'
  });
  void drag.start(event.clientX, event.clientY).then(() => drag.dispose());
}
