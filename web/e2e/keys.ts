// Working by keyboard alone, as an operator with a headset or a clerk with thirty appointments does.

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** Keys counts what is pressed on a keyboard. */
export class Keys {
  count = 0;
  private readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      this.count++;
      await this.page.keyboard.press(key);
    }
  }

  async type(text: string): Promise<void> {
    this.count += text.length;
    await this.page.keyboard.type(text);
  }

  /** tabTo presses Tab until the focus is on something that fits a selector. */
  async tabTo(selector: string): Promise<void> {
    for (let i = 0; i < 120; i++) {
      if (await this.page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
      await this.press('Tab');
    }
    assert.fail(`no way by Tab to ${selector}`);
  }

  /** tabBackTo presses Shift and Tab until the focus is on something that fits a selector. */
  async tabBackTo(selector: string): Promise<void> {
    for (let i = 0; i < 20; i++) {
      if (await this.page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
      await this.press('Shift+Tab');
    }
    assert.fail(`no way back by Tab to ${selector}`);
  }

  async focusOn(selector: string): Promise<void> {
    await this.page.waitForFunction((s) => document.activeElement?.matches(s) ?? false, selector);
  }
}
