import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

import type { Pins } from '../ui/pins';
import { etiqIcon } from './icon';
import { type ISidebarProps, Sidebar } from './sidebar';

/** The sidebar as a widget of the shell. Shows nothing, and asks nothing, before it is first seen. */
export class EtiqPanel extends ReactWidget {
  constructor(props: Omit<ISidebarProps, 'visible' | 'preview' | 'pins'>) {
    super();
    this._props = props;
    this.id = 'etiq-sidebar';
    this.title.icon = etiqIcon;
    this.title.caption = 'Snapshots';
    this.addClass('etiq');
    this.addClass('etiq-lab-sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Etiq');
  }

  get preview(): 'below' | 'tab' {
    return this._preview;
  }

  set preview(value: 'below' | 'tab') {
    this._preview = value;
    this.update();
  }

  /** The pinned projects; undefined where nothing can be pinned. */
  get pins(): Pins | undefined {
    return this._pins;
  }

  set pins(value: Pins | undefined) {
    this._pins = value;
    this.update();
  }

  /** Bring the project picker to the fore. */
  pickProject(): void {
    const button = this.node.querySelector<HTMLButtonElement>('.etiq-picker-button');
    button?.focus();
    if (button?.getAttribute('aria-expanded') === 'false') {
      button.click();
    }
  }

  protected render(): JSX.Element | null {
    if (!this.isVisible && !this._wasSeen) {
      return null;
    }
    this._wasSeen = true;
    return (
      <Sidebar
        {...this._props}
        preview={this._preview}
        pins={this._pins}
        visible={this.isVisible}
      />
    );
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update();
  }

  private readonly _props: Omit<ISidebarProps, 'visible' | 'preview' | 'pins'>;
  private _preview: 'below' | 'tab' = 'below';
  private _pins: Pins | undefined;
  private _wasSeen = false;
}
