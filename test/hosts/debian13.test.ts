import { tellOn } from './story.ts';

tellOn('trixie');
